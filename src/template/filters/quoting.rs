//! How a string is written in YAML: plain, or in which quotes. Follows the rules of PyYAML's emitter.

use serde_json::Value as Json;

/// Whether a key can be written before a colon without a question mark.
pub(super) fn simple(key: &Json) -> bool {
    key.as_str()
        .is_none_or(|key| key.chars().count() < 128 && !key.contains('\n') && !key.is_empty())
}

pub(super) fn printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

pub(super) fn escaped(c: char) -> String {
    match c {
        '\0' => "\\0".to_owned(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{1b}' => "\\e".to_owned(),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{85}' => "\\N".to_owned(),
        '\u{2028}' => "\\L".to_owned(),
        '\u{2029}' => "\\P".to_owned(),
        c if u32::from(c) <= 0xff => format!("\\x{:02X}", u32::from(c)),
        c if u32::from(c) <= 0xffff => format!("\\u{:04X}", u32::from(c)),
        c => format!("\\U{:08X}", u32::from(c)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Single,
    Double,
}

/// `analyze_scalar` and `choose_scalar_style` of PyYAML.
pub(super) fn analyse(text: &str, in_flow: bool, key: bool) -> Quotes {
    if text.is_empty() {
        return Quotes::Single;
    }
    let chars: Vec<char> = text.chars().collect();
    let mut flow_indicators = false;
    let mut block_indicators = false;
    let mut special = false;
    let mut breaks = false;
    if text.starts_with("---") || text.starts_with("...") {
        flow_indicators = true;
        block_indicators = true;
    }
    let blank = |c: Option<&char>| {
        c.is_none_or(|c| {
            matches!(
                c,
                '\0' | ' ' | '\t' | '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}'
            )
        })
    };
    for (at, &c) in chars.iter().enumerate() {
        let followed = blank(chars.get(at + 1));
        let preceded = at == 0 || blank(chars.get(at - 1));
        if at == 0 {
            if "#,[]{}&*!|>'\"%@`".contains(c) {
                flow_indicators = true;
                block_indicators = true;
            }
            if "?:".contains(c) {
                flow_indicators = true;
                block_indicators |= followed;
            }
            if c == '-' && followed {
                flow_indicators = true;
                block_indicators = true;
            }
        } else {
            flow_indicators |= ",?[]{}".contains(c);
            if c == ':' {
                flow_indicators = true;
                block_indicators |= followed;
            }
            if c == '#' && preceded {
                flow_indicators = true;
                block_indicators = true;
            }
        }
        breaks |= matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}');
        special |= !(c == '\n' || printable(c));
    }
    let space = |c: Option<&char>| c == Some(&' ');
    let is_break = |c: &char| matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let edge_space = space(chars.first()) || space(chars.last());
    let edge_break = chars.first().is_some_and(is_break) || chars.last().is_some_and(is_break);
    let break_space = chars
        .windows(2)
        .any(|pair| is_break(&pair[0]) && pair[1] == ' ');
    let space_break = chars
        .windows(2)
        .any(|pair| pair[0] == ' ' && is_break(&pair[1]));
    let allowed_plain =
        !(edge_space || edge_break || break_space || space_break || special || breaks)
            && if in_flow {
                !flow_indicators
            } else {
                !block_indicators
            };
    let allowed_single = !(space_break || special);
    if allowed_plain && !resolves(text) && text != "=" {
        return Quotes::None;
    }
    if allowed_single && !(key && breaks) {
        return Quotes::Single;
    }
    Quotes::Double
}

/// Whether YAML 1.1 would read it as something other than a string.
fn resolves(text: &str) -> bool {
    static PATTERNS: std::sync::LazyLock<regex::RegexSet> = std::sync::LazyLock::new(|| {
        // The patterns are constants, so they are valid.
        regex::RegexSet::new([
            r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$",
            concat!(
                r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|",
                r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
            ),
            concat!(
                r"^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|",
                r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
            ),
            r"^(?:<<|~|null|Null|NULL|)$",
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            concat!(
                r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?",
                r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?$",
            ),
        ])
        .unwrap_or_default()
    });
    PATTERNS.is_match(text)
}

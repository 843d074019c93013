//! Warns of a pipe behind a command that makes a backup: a shell looks at the last command of a pipe alone, so that a dump that
//! failed is taken for a good one.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

use crate::model::{Failure, FailureKind, Position};
use crate::script::playbook::Playbook;
use crate::script::source::position;

/// Commands whose output is all that there is of a backup.
const DUMPS: [&str; 14] = [
    "cpio",
    "mariabackup",
    "mariadb-dump",
    "mongodump",
    "mysqldump",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "slapcat",
    "sqlite3",
    "tar",
    "xfsdump",
    "xtrabackup",
    "zfs",
];

/// What may stand before a command.
const BEFORE: [&str; 7] = ["command", "env", "exec", "ionice", "nice", "sudo", "time"];

/// The pipes behind dumps in what a playbook and its modules run, where they are written out.
#[must_use]
pub fn dumps_in_pipes(playbook: &Playbook) -> Vec<Failure> {
    let modules = playbook.modules.asts();
    let scripts = std::iter::once(&playbook.ast).chain(modules.iter().map(|(_, ast)| ast));
    let mut found: Vec<Failure> = scripts.flat_map(|ast| in_script(ast)).collect();
    for warning in &mut found {
        let at = warning.at.as_ref();
        warning.source_line = at.and_then(|at| playbook.sources.line(at));
    }
    found
}

fn in_script(ast: &AST) -> Vec<Failure> {
    let file = ast.source().unwrap_or_default();
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode]| {
        match nodes.last() {
            Some(
                ASTNode::Stmt(Stmt::FnCall(call, _))
                | ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)),
            ) => {
                if call.name == "run"
                    && !says_pipefail(call)
                    && let Some(command) = call.args.first()
                {
                    found.extend(warning(command, file, "Say `pipefail: true` in its options."));
                }
            }
            // `systemd::timer` and the like hand it to `sh`.
            Some(ASTNode::Expr(Expr::Map(map, _))) => {
                let commands = map.0.iter().filter(|(key, _)| key.name == "command");
                let hint = "Write to a file without a pipe, or run it with `[\"bash\", \"-o\", \"pipefail\", \"-c\", \"...\"]`.";
                found.extend(commands.filter_map(|(_, value)| warning(value, file, hint)));
            }
            _ => {}
        }
        true
    });
    found
}

fn says_pipefail(call: &FnCallExpr) -> bool {
    call.args.iter().any(|argument| match argument {
        Expr::Map(map, _) => map.0.iter().any(|(key, value)| {
            key.name == "pipefail" && !matches!(value, Expr::BoolConstant(false, _))
        }),
        // Put together elsewhere.
        Expr::Variable(..) | Expr::FnCall(..) => true,
        _ => false,
    })
}

fn warning(command: &Expr, file: &str, hint: &str) -> Option<Failure> {
    let text = match command {
        Expr::StringConstant(text, _) => text.to_string(),
        Expr::InterpolatedString(parts, _) => parts
            .iter()
            .map(|part| match part {
                Expr::StringConstant(text, _) => text.as_str(),
                _ => "x",
            })
            .collect(),
        _ => return None,
    };
    let dump = dump_in_pipe(&text)?;
    let at: Option<Position> = position(file, command.start_position());
    let message = format!(
        "a failure of `{dump}` is lost in the pipe: the exit code is that of the last command"
    );
    Some(Failure::new(FailureKind::Input, message).at(at).hint(hint))
}

/// The dump of which the output goes into a pipe, if the text has one.
fn dump_in_pipe(text: &str) -> Option<&str> {
    if text.contains("pipefail") {
        return None;
    }
    let commands = text.split(['\n', ';', '&']);
    commands.flat_map(piped).find_map(|command| {
        let mut words = command
            .split_whitespace()
            .skip_while(|word| BEFORE.contains(word) || word.starts_with('-') || word.contains('='))
            .peekable();
        // `sudo -u postgres pg_dump`
        let mut name = words.next()?;
        if !is_dump(name) && command.trim_start().starts_with("sudo") {
            name = words.next()?;
        }
        let rest: Vec<&str> = words.collect();
        let harmless = rest
            .iter()
            .any(|word| matches!(*word, "--version" | "--help"));
        let makes = match base(name) {
            "tar" => rest.iter().any(|word| {
                *word == "--create"
                    || word.trim_start_matches('-').starts_with('c') && !word.starts_with("--")
            }),
            "cpio" => rest
                .iter()
                .any(|word| word.starts_with("-o") || *word == "--create"),
            "zfs" => rest.first() == Some(&"send"),
            _ => true,
        };
        (is_dump(name) && makes && !harmless).then(|| base(name))
    })
}

/// The commands before the last one of a pipe.
fn piped(command: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for alternative in command.split("||") {
        let mut of_pipe: Vec<&str> = alternative.split('|').collect();
        of_pipe.pop();
        parts.extend(of_pipe);
    }
    parts
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn is_dump(name: &str) -> bool {
    DUMPS.contains(&base(name))
}

#[cfg(test)]
mod tests {
    use super::dump_in_pipe;

    #[test]
    fn finds_a_dump_before_a_pipe() {
        for (text, dump) in [
            ("pg_dump shop | gzip >/x", Some("pg_dump")),
            (
                "cd /x && PGUSER=a /usr/bin/pg_dumpall|zstd >x",
                Some("pg_dumpall"),
            ),
            ("sudo -u postgres pg_dump x | gzip", Some("pg_dump")),
            ("tar -cf - . | ssh b tar x", Some("tar")),
            ("tar cz . | cat", Some("tar")),
            ("zfs send pool@a | zfs receive b", Some("zfs")),
            ("mysqldump a\n| gzip", None),
            ("pg_dump shop >x || exit 1", None),
            ("pg_dump shop >x; ls | wc -l", None),
            ("set -o pipefail; pg_dump x | gzip", None),
            ("tar tf x | head", None),
            ("zfs list | grep x", None),
            ("pg_dump --version | head -1", None),
            ("cat x | gzip", None),
        ] {
            assert_eq!(dump_in_pipe(text), dump, "{text}");
        }
    }
}

//! Warns of a pipe after a command that makes a backup: a shell returns the exit code of the last command
//! only, so a failed dump would be taken for a good one.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

use crate::model::{Failure, FailureKind, Position};
use crate::script::playbook::Playbook;
use crate::script::position::position;

/// Commands whose output is the only copy of a backup.
const DUMPS: [&str; 15] = [
    "cpio",
    "mariabackup",
    "mariadb-dump",
    "mongodump",
    "mysqldump",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "redis-cli",
    "slapcat",
    "sqlite3",
    "tar",
    "xfsdump",
    "xtrabackup",
    "zfs",
];

/// Words that may precede a command.
const BEFORE: [&str; 7] = ["command", "env", "exec", "ionice", "nice", "sudo", "time"];

/// Commands that run another command given after them.
const AROUND: [&str; 14] = [
    "bash", "chroot", "dash", "docker", "flock", "kubectl", "podman", "runuser", "setpriv", "sh",
    "ssh", "su", "sudo", "timeout",
];

/// The pipes after dumps in the commands of a playbook and its modules, if they are literals.
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

/// Checks every literal string, wherever it is used.
fn in_script(ast: &AST) -> Vec<Failure> {
    let file = ast.source().unwrap_or_default();
    let runs_others_safely = runs_others_safely(ast);
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode]| {
        let Some((node, around)) = nodes.split_last() else {
            return true;
        };
        if let Some(text) = text(node)
            && !around.last().is_some_and(|parent| is_part(parent, node))
        {
            let hint = match use_of(around) {
                Use::Run => Some("Add `pipefail: true` to its options."),
                Use::Safe => None,
                Use::Elsewhere if runs_others_safely => None,
                Use::Handed | Use::Elsewhere => Some(
                    "Write to a file without a pipe, pass `pipefail: true` to `run`, or run it with \
                     `[\"bash\", \"-o\", \"pipefail\", \"-c\", \"...\"]`.",
                ),
            };
            found.extend(hint.and_then(|hint| warning(&text, start(node), file, hint)));
        }
        true
    });
    found
}

/// What a string is used for.
enum Use {
    /// The command of `run`.
    Run,
    /// A command passed to something else, or within a list of words.
    Handed,
    /// Not a command, or one that is run with `pipefail`.
    Safe,
    /// Something elsewhere may run it later.
    Elsewhere,
}

/// The use of a string, judged by the nodes around it, the nearest last.
fn use_of(around: &[ASTNode]) -> Use {
    let mut nearest = around.iter().rev();
    let mut parent = nearest.next();
    // `["sh", "-c", "..."]`
    let in_array = matches!(parent, Some(ASTNode::Expr(Expr::Array(..))));
    if let Some(ASTNode::Expr(Expr::Array(words, _))) = parent {
        let says = |word: &Expr| matches!(word, Expr::StringConstant(word, _) if word.contains("pipefail"));
        if words.iter().any(says) {
            return Use::Safe;
        }
        parent = nearest.next();
    }
    match parent {
        Some(
            ASTNode::Stmt(Stmt::FnCall(call, _))
            | ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)),
        ) => {
            let is_log = matches!(call.namespace.path.as_slice(), [only] if only.as_str() == "log");
            if is_log
                || TOLD.contains(&call.name.as_str())
                || call.name == "run" && says_pipefail(call)
            {
                Use::Safe
            } else if call.name == "run" && !in_array {
                Use::Run
            } else if call.name == "run" {
                Use::Handed
            } else {
                Use::Elsewhere
            }
        }
        // `systemd::timer` and similar functions pass a command to `sh`.
        Some(ASTNode::Expr(Expr::Map(..))) => Use::Handed,
        _ if in_array => Use::Handed,
        _ => Use::Elsewhere,
    }
}

/// Functions that show text to the user.
const TOLD: [&str; 3] = ["confirm", "fail", "param"];

/// Whether any command that is not a literal at its call is run with `pipefail`: it could be any string of
/// the script.
fn runs_others_safely(ast: &AST) -> bool {
    let mut found = false;
    ast.walk(&mut |nodes: &[ASTNode]| {
        if let Some(
            ASTNode::Stmt(Stmt::FnCall(call, _))
            | ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)),
        ) = nodes.last()
        {
            let is_named = matches!(
                call.args.first(),
                Some(Expr::Variable(..) | Expr::Dot(..) | Expr::Index(..))
            );
            found |= call.name == "run" && is_named && says_pipefail(call);
        }
        !found
    });
    found
}

fn says_pipefail(call: &FnCallExpr) -> bool {
    call.args.iter().skip(1).any(|argument| match argument {
        Expr::Map(map, _) => map.0.iter().any(|(key, value)| {
            key.name == "pipefail" && !matches!(value, Expr::BoolConstant(false, _))
        }),
        // Built elsewhere.
        Expr::Variable(..) | Expr::FnCall(..) => true,
        _ => false,
    })
}

/// A string that is at least partly literal: `x` replaces the parts that are known only at run time.
fn text(node: &ASTNode) -> Option<String> {
    match node {
        ASTNode::Expr(expression) => {
            let text = literal(expression)?;
            text.contains('|').then_some(text)
        }
        _ => None,
    }
}

fn start(node: &ASTNode) -> rhai::Position {
    match node {
        ASTNode::Expr(expression) => expression.start_position(),
        other => other.position(),
    }
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::StringConstant(text, _) => Some(text.to_string()),
        Expr::InterpolatedString(parts, _) => {
            let parts = parts.iter().map(|part| match part {
                Expr::StringConstant(text, _) => text.as_str(),
                _ => "x",
            });
            Some(parts.collect())
        }
        Expr::FnCall(call, _) if is_sum(call) => {
            let parts: Vec<Option<String>> = call.args.iter().map(literal).collect();
            let is_text = parts.iter().any(Option::is_some);
            let parts = parts
                .into_iter()
                .map(|part| part.unwrap_or_else(|| "x".to_owned()));
            is_text.then(|| parts.collect())
        }
        _ => None,
    }
}

fn is_sum(call: &FnCallExpr) -> bool {
    call.name == "+" && !call.is_qualified()
}

/// Whether a string is checked as part of a longer one. A call within `${...}` is not: it is in a block.
fn is_part(parent: &ASTNode, node: &ASTNode) -> bool {
    match (parent, node) {
        (ASTNode::Expr(Expr::InterpolatedString(..)), ASTNode::Expr(Expr::StringConstant(..))) => {
            true
        }
        (ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)), _) => {
            is_sum(call)
        }
        _ => false,
    }
}

fn warning(text: &str, at: rhai::Position, file: &str, hint: &str) -> Option<Failure> {
    let dump = dump_in_pipe(text)?;
    let at: Option<Position> = position(file, at);
    let message = format!(
        "a failure of `{dump}` is lost in the pipe: the exit code is that of the last command"
    );
    Some(Failure::new(FailureKind::Input, message).at(at).hint(hint))
}

/// The dump whose output goes into a pipe, if the command has one.
fn dump_in_pipe(text: &str) -> Option<&str> {
    if text.contains("pipefail") {
        return None;
    }
    let commands = text.split(['\n', ';', '&']);
    commands.flat_map(piped).find_map(|command| {
        let mut words = command
            .split_whitespace()
            .map(|word| word.trim_start_matches(['\'', '"', '(', '{']))
            .skip_while(|word| {
                let begins = BEFORE.contains(word) && *word != "sudo";
                begins || word.is_empty() || word.starts_with('-') || word.contains('=')
            })
            .peekable();
        let mut name = words.next()?;
        // `sudo -u postgres pg_dump`, `sh -c 'pg_dump shop'`
        if AROUND.contains(&base(name)) {
            name = words.find(|word| is_dump(word))?;
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
            "redis-cli" => rest.iter().any(|word| word.starts_with("--rdb")),
            "zfs" => rest.first() == Some(&"send"),
            _ => true,
        };
        (is_dump(name) && makes && !harmless).then(|| base(name))
    })
}

/// The commands of a pipe except the last one.
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
    use super::{dump_in_pipe, in_script};
    use crate::script::engine;

    /// The lines of a script with a warning.
    fn warned(script: &str) -> Vec<usize> {
        let mut ast = engine::base().compile(script).unwrap();
        ast.set_source("x.rhai");
        let mut lines: Vec<usize> = in_script(&ast)
            .iter()
            .filter_map(|warning| Some(warning.at.as_ref()?.line))
            .collect();
        lines.sort_unstable();
        lines
    }

    #[test]
    fn checks_every_string() {
        for (script, expected) in [
            ("h.run(\"pg_dump \" + quote(\"shop\") + \" | gzip >x\");", 1),
            ("let c = \"pg_dump shop | gzip > x\"; h.run(c);", 1),
            ("h.run([\"sh\", \"-c\", \"pg_dump shop | gzip > x\"]);", 1),
            (
                "timer(#{ command: \"sh -c 'pg_dump shop | gzip >x'\" });",
                1,
            ),
            ("h.run(`pg_dump ${db} | gzip >x`);", 1),
            ("log::info(`${h.run(\"pg_dump shop | gzip\").code}`);", 1),
            ("fn f(h) { h.run(\"redis-cli --rdb - | gzip\") }", 1),
            (
                "h.run(\"pg_dump shop | gzip > x\", #{ pipefail: true });",
                0,
            ),
            (
                "h.run(\"pg_dump \" + db + \" | gzip > x\", #{ pipefail: true });",
                0,
            ),
            (
                "let c = \"pg_dump shop | gzip > x\"; h.run(c, #{ pipefail: true });",
                0,
            ),
            (
                "h.run([\"bash\", \"-o\", \"pipefail\", \"-c\", \"pg_dump shop | gzip > x\"]);",
                0,
            ),
            ("log::info(\"pg_dump shop | gzip > x\");", 0),
            ("h.run(\"pg_dump shop > x\");", 0),
        ] {
            assert_eq!(warned(script), vec![1; expected], "{script}");
        }
    }

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
            ("sh -c 'pg_dump shop | gzip >x'", Some("pg_dump")),
            ("docker exec db pg_dump shop | gzip >x", Some("pg_dump")),
            (
                "su - postgres -c \"pg_dump shop | gzip >x\"",
                Some("pg_dump"),
            ),
            ("redis-cli --rdb - | gzip >x", Some("redis-cli")),
            ("redis-cli info | grep x", None),
            ("ssh db uptime | cat", None),
        ] {
            assert_eq!(dump_in_pipe(text), dump, "{text}");
        }
    }
}

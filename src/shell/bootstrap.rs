//! The first program of a session, as one line.

use super::{NulByte, quote_str};

macro_rules! inner {
    () => {
        r#"IFS= read -r b && eval "$b""#
    };
}

const STEPS: &str = include_str!("sh/steps.sh");
const LOOP: &str = include_str!("sh/loop.sh");
const HELLO: &str = include_str!("sh/hello.sh");

/// What a transport asks the host to run, whatever the login shell. It hands over to `sh`, which
/// reads its program from the stream: no program, nonce or secret stands in a command line.
pub const REMOTE_COMMAND: &str = concat!("exec sh -c '", inner!(), "'");

/// The argument of `sh -c`, for transports that start `sh` themselves.
pub const INNER_COMMAND: &str = inner!();

/// The leader of the session that a request with commands gets. It reads its first line and leaves
/// the rest to a shell of its own, so that a command which kills its shell, or that one's parent,
/// does not meet the loop; and it says when that shell is gone. What its own shell would print of that
/// (`Killed`) is nobody's.
const LEADER: &str = concat!(
    r#"IFS=" " read -r n i; exec 3>&2 2>/dev/null; ( exec sh -s "$1" "$2" 2>&3 3>&- ); "#,
    r#"printf "%s %s G\n" "$n" "$i"; printf "%s %s G\n" "$n" "$i" >&3"#
);

/// The line that makes the waiting `sh` a server.
pub(super) fn line(nonce: &str, state_dir: Option<&str>) -> Result<Vec<u8>, NulByte> {
    let steps = fold(STEPS);
    let names = "ops_fn='ops_m ops_ok ops_o ops_tell ops_r ops_in ops_u ops_v ops_c ops_b'; \
                 ops_vn='ops_n ops_i ops_l ops_s ops_x ops_z ops_bad ops_err ops_state ops_fn ops_vn';";
    // A state directory with a newline in it has to come on one line too.
    let state_dir = super::quote::line(state_dir.unwrap_or_default().as_bytes())?;
    let mut line = format!(
        "unset b; ops_n=@{nonce}; ops_l=$(printf '\\n.'); ops_l=${{ops_l%.}}; ops_i=0; ops_k=; ops_fs=; ops_bad=; ops_err=; \
         ops_d=; ops_e=; ops_lead={lead}; ops_w={functions}; ops_state=",
        lead = quote_str(LEADER),
        functions = quote_str(&format!("{names} {steps}")),
    )
    .into_bytes();
    line.extend(state_dir);
    line.extend(
        format!(
            "; {hello} eval \"$ops_w\"; {body}\n",
            hello = fold(HELLO),
            body = fold(LOOP)
        )
        .into_bytes(),
    );
    Ok(line)
}

/// Drops comments and indentation, and joins the lines.
fn fold(program: &str) -> String {
    program
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line() {
        let line = line("0123", Some("/srv/it's\nodd")).unwrap();
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
    }
}

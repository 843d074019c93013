//! The first program of a session, and the line that fetches it.

use super::{NulByte, quote_str};

macro_rules! inner {
    () => {
        r#"IFS= read -r b && eval "$b""#
    };
}

const STEPS: &str = include_str!("sh/steps.sh");
const LOOP: &str = include_str!("sh/loop.sh");
const HELLO: &str = include_str!("sh/hello.sh");
const LARGE: &str = include_str!("sh/large.sh");

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

/// What makes the waiting `sh` a server: a line for it, and the program that this reads.
pub(super) fn start(nonce: &str, state_dir: Option<&str>) -> Result<Vec<u8>, NulByte> {
    let steps = fold(STEPS);
    let names = "ops_fn='ops_m ops_ok ops_o ops_tell ops_r ops_in ops_u ops_v ops_can ops_h ops_t ops_y ops_c ops_b ops_known'; \
                 ops_vn='ops_n ops_i ops_l ops_s ops_x ops_z ops_h ops_bad ops_err ops_sums ops_state ops_fn ops_vn';";
    let mut program = format!(
        "ops_n=@{nonce}; ops_l='\n'; ops_i=0; ops_k=; ops_fs=; ops_bad=; ops_err=; ops_also=; \
         ops_q=0; ops_e=; ops_lead={lead}; ops_w={functions}; ops_state=",
        lead = quote_str(LEADER),
        functions = quote_str(&format!("{names} {steps}")),
    )
    .into_bytes();
    program.extend(super::quote::word(
        state_dir.unwrap_or_default().as_bytes(),
    )?);
    program.extend(
        format!(
            "; {hello} eval \"$ops_w\"; {body} #ops",
            hello = fold(HELLO),
            body = fold(LOOP)
        )
        .into_bytes(),
    );
    // `read` takes a byte at a time from a pipe, some four milliseconds for all of it. A dd that cannot wait
    // for a whole block says so before it has read anything.
    let mut line = format!(
        "unset b; ops_d=1; ops_p=$(dd bs={size} count=1 iflag=fullblock 2>/dev/null) || \
         {{ ops_d=0; ops_p=$(dd bs=1 count={size} 2>/dev/null); }}; \
         case $ops_p in *'#ops') eval \"$ops_p\";; esac\n",
        size = program.len(),
    )
    .into_bytes();
    line.extend(program);
    Ok(line)
}

/// A program for the loop: the body of a step, which follows, is hashed while it comes. It is no part of the
/// bootstrap, as most sessions get no such body, and what is sent first should be short.
pub(super) fn hash_body_of(step: usize) -> String {
    format!("{} ops_large {step}; #ops", fold(LARGE))
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
    fn the_line_knows_how_long_the_program_is() {
        let start = start("0123", Some("/srv/it's\nodd")).unwrap();
        let end = start.iter().position(|&byte| byte == b'\n').unwrap();
        let line = String::from_utf8_lossy(&start[..end]);
        let size = format!("bs={} ", start.len() - end - 1);
        assert!(line.contains(&size), "{size} in {line}");
        assert!(start.ends_with(b"#ops"));
    }
}

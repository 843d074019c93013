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
const RECORD_STEPS: &str = include_str!("sh/record_steps.sh");
const RECORD_LOOP: &str = include_str!("sh/record_loop.sh");

/// The command that a transport runs on the host, whatever the login shell. It starts `sh`, which reads its
/// program from the stream: no program, nonce or secret appears in a command line.
pub const REMOTE_COMMAND: &str = concat!("exec sh -c '", inner!(), "'");

/// The argument of `sh -c`, for transports that start `sh` themselves.
pub const INNER_COMMAND: &str = inner!();

/// The leader of the session that a request with commands gets. It reads its first line and leaves the rest
/// to a separate shell, so that a command which kills its shell, or the parent of that shell, does not
/// reach the loop; and it reports when that shell is gone. What its own shell would print about that
/// (`Killed`) is discarded.
const LEADER: &str = concat!(
    r#"IFS=" " read -r n i; exec 3>&2 2>/dev/null; ( exec sh -s "$1" "$2" 2>&3 3>&- ); "#,
    r#"printf "%s %s G\n" "$n" "$i"; printf "%s %s G\n" "$n" "$i" >&3"#
);

/// Turns the waiting `sh` into a server: a line for it, and the program that the line reads.
pub(super) fn start(nonce: &str, state_dir: Option<&str>) -> Result<Vec<u8>, NulByte> {
    let steps = fold(STEPS);
    let names = "ops_fn='ops_m ops_ok ops_o ops_tell ops_r ops_in ops_u ops_v ops_can ops_h \
                 ops_t ops_y ops_c ops_b ops_jot ops_q ops_known'; ops_vn='ops_n ops_i ops_l ops_s ops_x \
                 ops_y ops_z ops_h ops_j ops_me ops_um ops_bad ops_err ops_sums ops_state ops_fn ops_vn';";
    let mut program = format!(
        "ops_n=@{nonce}; ops_l='\n'; ops_i=0; ops_k=; ops_fs=; ops_bad=; ops_err=; ops_also=; \
         ops_q=0; ops_e=; ops_j=; ops_jr=; ops_jh=+; ops_jk=; ops_me=; ops_um=; \
         ops_lead={lead}; ops_w={functions}; ops_state=",
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
    // `read` takes a byte at a time from a pipe, which would take some four milliseconds for the whole
    // program. A dd that cannot wait for a whole block reports so before it has read anything.
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

/// A program for the loop: the body of the next step is hashed while it arrives. It is not part of the
/// bootstrap, as most sessions get no such body, and the first message should be short.
pub(super) fn hash_body_of(step: usize) -> String {
    format!("{} ops_large {step}; #ops", fold(LARGE))
}

/// A line for the loop, after which it can record commands. It is not part of the bootstrap either.
pub(super) fn record_commands() -> String {
    format!(
        "ops_x={steps}; ops_w=\"$ops_w $ops_x\"; eval \"$ops_x\"; {body} #ops",
        steps = quote_str(&fold(RECORD_STEPS)),
        body = fold(RECORD_LOOP)
    )
}

/// Removes comments and indentation, and joins the lines.
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
    fn the_line_contains_the_size_of_the_program() {
        let start = start("0123", Some("/srv/it's\nodd")).unwrap();
        let end = start.iter().position(|&byte| byte == b'\n').unwrap();
        let line = String::from_utf8_lossy(&start[..end]);
        let size = format!("bs={} ", start.len() - end - 1);
        assert!(line.contains(&size), "{size} in {line}");
        assert!(start.ends_with(b"#ops"));
    }
}

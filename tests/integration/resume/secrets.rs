//! Many secrets in commands and their outputs: the directory of the run has none of them, and the results that
//! it recorded have their values again in the resumed run.

use std::collections::HashSet;
use std::path::Path;

use base64::Engine as _;

use super::lines;
use crate::balancer::Dice;
use crate::generation::{is_long, seed};
use crate::language::local;

/// How many secrets one command has.
const AT_ONCE: usize = 20;

/// How many bytes of a secret must not be seen.
const PART: usize = 8;

/// Each command prints its secrets plainly, in base64 and in hexadecimal digits.
const PLAYBOOK: &str = r#"
let all = [];
for n in 0..SECRETS { all.push(secret(#{ file: `secrets/${n}` })); }
each(hosts("all"), |h| {
    let root = h.vars.root;
    let heard = "";
    for first in range(0, SECRETS, AT_ONCE) {
        let script = `echo ${first} >>${root}/log`;
        for secret in all.extract(first, AT_ONCE) {
            let word = quote(secret);
            script += `; printf '%s\n' ${word}; printf %s ${word} | base64 -w0; echo; printf %s ${word} | od -An -v -tx1 | tr -d ' \n' >&2; echo >&2`;
        }
        let ran = h.run(script);
        heard += `${ran.stdout}
${ran.stderr}
`;
    }
    h.run(`test -e ${root}/allowed`);
    h.apply(files::file(root + "/heard", heard));
});
"#;

/// Random text that no shell takes apart by chance: with quotes and spaces.
fn secrets(count: usize) -> Vec<String> {
    const LETTERS: &[u8] =
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+/=.,:;!?$%&'\"()*# ";
    let mut dice = Dice::new(seed());
    let mut letter = |all: &[u8]| {
        let at = dice.below(all.len() as u64);
        char::from(all[usize::try_from(at).expect("it is small")])
    };
    let mut secret = || -> String {
        // Without a space at its ends, which a file's reader may remove.
        let ends = [letter(&LETTERS[..62]), letter(&LETTERS[..62])];
        let middle: String = (0..18).map(|_| letter(LETTERS)).collect();
        format!("{}{middle}{}", ends[0], ends[1])
    };
    (0..count).map(|_| secret()).collect()
}

/// All texts of a certain length in the files below a directory.
fn parts(dir: &Path, found: &mut HashSet<[u8; PART]>) {
    for entry in std::fs::read_dir(dir).expect("the directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            parts(&path, found);
        } else {
            let bytes = std::fs::read(&path).expect("the file");
            found.extend(
                bytes
                    .windows(PART)
                    .map(|part| <[u8; PART]>::try_from(part).expect("its length")),
            );
        }
    }
}

fn forms(secret: &str) -> [String; 3] {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    [secret.to_owned(), base64, hex]
}

#[test]
fn secrets_are_in_no_file_and_have_their_values_again() {
    let count = if is_long() { 1000 } else { 200 };
    let secrets = secrets(count);
    let playbook = PLAYBOOK
        .replace("SECRETS", &count.to_string())
        .replace("AT_ONCE", &AT_ONCE.to_string());
    let hosts = ["h1", "h2"];
    let mut ops = local(hosts.len()).playbook(&playbook);
    for (number, secret) in secrets.iter().enumerate() {
        ops = ops.file(&format!("secrets/{number}"), format!("{secret}\n"));
    }
    let failed = ops.run().code(3);
    let mut found = HashSet::new();
    parts(&ops.state(), &mut found);
    assert!(found.contains(b"\"secret\""), "{failed}");
    for secret in &secrets {
        for form in forms(secret) {
            let part = &form.as_bytes()[..PART];
            assert!(!found.contains(part), "{form} in the directory of the run");
            assert!(!failed.stdout.contains(&form), "{form} was printed");
        }
    }
    for host in hosts {
        std::fs::write(ops.path(host).join("allowed"), "").expect("a file");
    }
    ops.again(["resume", "--in-doubt", "stop"]).run().ok();
    let mut expected = Vec::new();
    for some in secrets.chunks(AT_ONCE) {
        let of_all = some.iter().map(|secret| forms(secret));
        let (out, err): (Vec<_>, Vec<_>) = of_all
            .map(|[plain, base64, hex]| ([plain, base64], hex))
            .unzip();
        expected.extend(out.into_iter().flatten().chain(err));
    }
    for host in hosts {
        assert_eq!(lines(&ops, host, "heard"), expected, "{host}");
        // No command ran twice.
        assert_eq!(lines(&ops, host, "log").len(), count / AT_ONCE, "{host}");
    }
}

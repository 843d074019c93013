//! Turns a request into messages for the loop.

use std::ops::Range;

use super::bootstrap::{hash_body_of, record_commands};
use super::quote::{line, printf_format, word};
use super::{NulByte, OnFailure, Payload, Request, Step, StepKind};

/// A body of at least this size is hashed on the host while it arrives. That takes more processes, but
/// avoids reading the file twice.
const MIN_HASHED: u64 = 4 * MIB;

/// A larger block is a multiple of this size.
pub(super) const MIB: u64 = 1 << 20;

/// Up to this size, a program is read by `read`, which needs no process but takes about half a microsecond
/// per byte; larger ones are read by `dd`.
const MAX_BY_READ: usize = 2048;

/// One message for the loop. It is sent completely or not at all.
pub(super) struct Message {
    /// Empty for the rest of a body that is sent in several messages.
    pub head: Vec<u8>,
    pub body: Option<Block>,
}

/// A part of the body of a step.
#[derive(Clone)]
pub(super) struct Block {
    pub payload: Payload,
    pub range: Range<u64>,
    pub step: usize,
}

impl Block {
    /// In bytes.
    pub(crate) fn size(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl Message {
    pub(crate) const fn new(head: Vec<u8>) -> Self {
        Self { head, body: None }
    }

    pub(crate) fn text(text: String) -> Self {
        Self::new(text.into_bytes())
    }

    /// In bytes.
    pub(crate) fn size(&self) -> u64 {
        self.head.len() as u64 + self.body.as_ref().map_or(0, Block::size)
    }

    /// Cuts a message of at most `most` bytes from the rest of a body. Returns what is left.
    pub(crate) fn cut(&mut self, most: u64) -> Option<Self> {
        let block = self.body.as_mut().filter(|_| self.head.is_empty())?;
        let mut rest = block.clone();
        let mut size = block.size().min(most);
        if size > MIB {
            // The host counts in MiB.
            size -= size % MIB;
        }
        block.range.end = block.range.start + size;
        rest.range.start = block.range.end;
        self.head = format!("w {} {}\n", block.size(), block.step).into_bytes();
        (rest.size() > 0).then(|| Self {
            head: Vec::new(),
            body: Some(rest),
        })
    }

    /// Declares the body of a step invalid, with the reason.
    pub(crate) fn spoiled(step: usize, reason: &str) -> Self {
        let mut head = format!("b {step} ").into_bytes();
        // A text with a NUL is neither a file name nor an error of the system.
        head.extend(line(reason.replace('\0', "").as_bytes()).unwrap_or_default());
        head.push(b'\n');
        Self::new(head)
    }
}

/// All messages of a request: its bodies, then its program. `can_record`: the loop has been told how to
/// record commands.
pub(super) fn messages(
    id: u64,
    request: &Request,
    can_record: bool,
) -> Result<Vec<Message>, NulByte> {
    let mut messages = Vec::new();
    if let Some(guard) = &request.guard
        && request.steps.iter().any(|step| step.body.is_some())
    {
        let mut head = b"h\n".to_vec();
        head.extend(line(guard)?);
        head.push(b'\n');
        messages.push(Message::new(head));
    }
    for (index, step) in request.steps.iter().enumerate() {
        let Some(body) = &step.body else { continue };
        let mut head = format!("f {index} ").into_bytes();
        head.extend(line(&body.path)?);
        head.push(b'\n');
        messages.push(Message::new(head));
        let size = body.content.size();
        if size >= MIN_HASHED {
            let program = hash_body_of(index);
            messages.push(Message::text(format!("e {}\n{program}", program.len())));
        }
        if size > 0 {
            messages.push(Message {
                head: Vec::new(),
                body: Some(Block {
                    payload: body.content.clone(),
                    range: 0..size,
                    step: index,
                }),
            });
        }
        messages.push(Message::text("g\n".into()));
    }
    let commands = request
        .steps
        .iter()
        .any(|step| step.kind == StepKind::Command);
    let kind = if commands { 'c' } else { 'o' };
    let program = program(request)?;
    let lines = program.split(|&byte| byte == b'\n').count();
    let mut head = Vec::new();
    if let Some(records) = &request.records {
        if !can_record {
            head.extend(format!("p\n{}\n", record_commands()).into_bytes());
        }
        head.extend(format!("j {} {}\n", records.run, records.attempt).into_bytes());
    }
    head.extend(if program.len() <= MAX_BY_READ {
        format!("r {id} {kind} {lines}\n").into_bytes()
    } else {
        format!("d {id} {kind} {}\n", program.len()).into_bytes()
    });
    let by_lines = program.len() <= MAX_BY_READ;
    head.extend(program);
    if by_lines {
        head.push(b'\n');
    }
    messages.push(Message::new(head));
    Ok(messages)
}

/// The program: a line with function calls for each step. It ends with a word by which the loop recognises
/// that it is complete.
fn program(request: &Request) -> Result<Vec<u8>, NulByte> {
    let mut program = Vec::new();
    if !request.functions.is_empty() {
        // What a command unsets before it begins.
        program.extend_from_slice(b"ops_fn=\"$ops_fn");
        for function in &request.functions {
            program.push(b' ');
            program.extend_from_slice(function.name.as_bytes());
        }
        program.extend_from_slice(b"\"\n");
        for function in &request.functions {
            program.extend_from_slice(function.body.as_bytes());
        }
    }
    for (index, step) in request.steps.iter().enumerate() {
        // Never as a condition (`||`, `if`): `set -e` has no effect there, not even in subshells. The last
        // command of an `&&` list is not a condition.
        program.extend_from_slice(b"case $ops_z in '') ");
        if step.body.is_some() {
            program.extend(format!("ops_b {index} && {{ ").into_bytes());
        }
        if let Some(before) = &step.before {
            program.extend_from_slice(before);
            program.extend_from_slice(b"; ");
        }
        program.extend(call(index, step, request.records.is_some())?);
        if step.body.is_some() {
            program.extend_from_slice(b"; }");
        }
        program.extend_from_slice(match step.on_failure {
            // Empty for 0.
            OnFailure::Stop => b"; ops_z=${?#0};; esac\n",
            OnFailure::Continue => b";; esac\n",
        });
        if let Some(after) = step
            .after
            .as_ref()
            .filter(|_| step.on_failure == OnFailure::Stop)
        {
            program.extend_from_slice(b"case $ops_z in '') ");
            program.extend_from_slice(after);
            program.extend_from_slice(b";; esac\n");
        }
    }
    if let Some(probe) = &request.probe {
        program.extend(format!("ops_o {} '' ", request.steps.len()).into_bytes());
        program.extend(word(probe)?);
        program.push(b'\n');
    }
    program.extend_from_slice(b"ops_m F\n#ops");
    Ok(program)
}

fn call(index: usize, step: &Step, recorded: bool) -> Result<Vec<u8>, NulByte> {
    // A step without a script needs no process.
    if step.kind == StepKind::Own && step.script.is_empty() {
        return Ok(format!("ops_m S {index}; ops_m E {index} 0").into_bytes());
    }
    let record = step.record.as_ref().filter(|_| recorded);
    let function = match (step.kind, record) {
        (StepKind::Own, _) => "ops_o".to_owned(),
        (StepKind::Command, None) => "ops_c".to_owned(),
        (StepKind::Command, Some(key)) => format!("ops_q {key}"),
    };
    let ok = step
        .ok
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(" ");
    let mut call = format!("{function} {index} '{ok}' ").into_bytes();
    call.extend(word(&step.script)?);
    if let Some(stdin) = &step.stdin {
        call.push(b' ');
        call.extend(printf_format(stdin));
    }
    Ok(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_into_whole_mebibytes_and_a_remainder() {
        for (size, most, expected) in [
            (5, MIB, vec![5]),
            (MIB, MIB, vec![MIB]),
            (2 * MIB + 5, MIB, vec![MIB, MIB, 5]),
            (2 * MIB + 5, 8 * MIB, vec![2 * MIB, 5]),
            (20 * MIB, 8 * MIB, vec![8 * MIB, 8 * MIB, 4 * MIB]),
        ] {
            let mut left = Some(Message {
                head: Vec::new(),
                body: Some(Block {
                    payload: Payload::from(Vec::new()),
                    range: 0..size,
                    step: 7,
                }),
            });
            let (mut blocks, mut at) = (Vec::new(), 0);
            while let Some(mut message) = left {
                left = message.cut(most);
                let block = message.body.expect("a block");
                assert_eq!(message.head, format!("w {} 7\n", block.size()).as_bytes());
                assert_eq!(block.range.start, at);
                at = block.range.end;
                blocks.push(block.size());
            }
            assert_eq!((blocks, at), (expected, size));
        }
    }
}

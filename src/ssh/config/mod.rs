//! What the user's `ssh` would do to reach a host, found without starting it.
//!
//! A [`Reader`] reads ssh_config(5) as `ssh` does: the files once for a run, a host's settings out of them as
//! often as asked. If a setting needs `ssh` itself, or if its versions read it differently, the reader says
//! so, and the host is left to `ssh`. It decides itself what distributions and many users set for all hosts
//! (`Match final`, `SendEnv`, `GSSAPIAuthentication` without a ticket, lists of algorithms): otherwise no
//! host would be left for this client.
//!
//! It does not ask `ssh -G`: that would be a process for each host, shows values without their places, and
//! runs the commands of `Match exec` twice. The tests do, and compare.
//!
//! A [`Target`] and the lines of the files go through `lexer`, `keyword` and `value` to `arguments` and
//! `file`; `options` goes through both for a host, and `resolve` makes settings of the result.

mod algorithms;
mod arguments;
mod condition;
mod file;
mod jump;
mod kerberos;
mod keyword;
mod lexer;
mod local;
mod options;
mod reader;
mod resolve;
mod target;
mod tokens;
mod value;

#[cfg(test)]
mod tests;

pub use reader::Reader;
pub use target::Target;

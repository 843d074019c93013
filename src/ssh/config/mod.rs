//! Determines what the user's `ssh` would do to reach a host, without starting it.
//!
//! A [`Reader`] reads ssh_config(5) like `ssh`: it reads the files once for a run, and derives the settings
//! of a host from them as often as needed. If a setting needs `ssh` itself, or if versions of `ssh` interpret
//! it differently, the reader returns the reason, and the host is left to `ssh`. It does handle what
//! distributions and many users set for all hosts (`Match final`, `SendEnv`, `GSSAPIAuthentication` without a
//! ticket, lists of algorithms): otherwise no host would be left for this client.
//!
//! It does not use `ssh -G`, which would be a process for each host, shows values without their location, and
//! would run the commands of `Match exec` a second time. The tests do use it, to compare.
//!
//! A [`Target`] and the lines of the files are parsed by `lexer`, `keyword` and `value` into `arguments` and
//! `file`. `options` evaluates both for a host, and `resolve` turns the result into settings.

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

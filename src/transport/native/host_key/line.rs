//! One line of a `known_hosts` file: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.

use super::key::{Key, Parsed};
use super::names::Names;

/// What a line says of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// It is the host's.
    Host,
    /// `@cert-authority`: it certifies the host's.
    Authority,
    /// `@revoked`: it must never be accepted.
    Revoked,
}

/// A line with a key.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub marker: Marker,
    pub names: Names,
    pub key: Key,
    /// The key stands there within a certificate: no host's plain key is equal to it, yet it is one that is known.
    pub certified: bool,
    /// From 1.
    pub number: u32,
}

impl Line {
    /// Reads a line without its end. None if there is nothing in it that `ssh` would use.
    pub(super) fn parse(line: &str, number: u32) -> Option<Self> {
        // Where a string ends for `ssh`.
        let line = line.split('\0').next().unwrap_or_default();
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (marker, rest) = marker(line)?;
        let (field, key) = rest.split_once([' ', '\t'])?;
        let key = key.trim_start_matches([' ', '\t']);
        let parsed = Parsed::from_text(key).ok()?;
        Some(Self {
            marker,
            names: Names::parse(field),
            key: parsed.key,
            certified: parsed.certified,
            number,
        })
    }
}

/// The marker that a line begins with, and the rest of it. None for one that is not known, and for two.
///
/// `ssh` takes a tab for the end of a marker only where the line has no space. Here a tab always ends `@revoked`, and
/// with any marker beside it the line revokes; whom to trust is read as `ssh` reads it.
fn marker(line: &str) -> Option<(Marker, &str)> {
    if !line.starts_with('@') {
        return Some((Marker::Host, line));
    }
    if let Some(rest) = line.strip_prefix("@revoked")
        && rest.starts_with([' ', '\t'])
    {
        let mut rest = rest.trim_start_matches([' ', '\t']);
        while rest.starts_with('@') {
            rest = rest.split_once([' ', '\t'])?.1;
            rest = rest.trim_start_matches([' ', '\t']);
        }
        return Some((Marker::Revoked, rest));
    }
    let end = line.find(' ').or_else(|| line.find('\t'))?;
    if &line[..end] != "@cert-authority" {
        return None;
    }
    let rest = line[end..].trim_start_matches([' ', '\t']);
    (!rest.starts_with('@')).then_some((Marker::Authority, rest))
}

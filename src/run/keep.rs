//! Where a step keeps what it replaces.

/// What the names begin with under which a step keeps what it replaces, below ops's state directory on the host.
#[must_use]
pub fn keep_dir(run: &str, step: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(step.as_bytes());
    let short: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("kept/{run}/{short}")
}

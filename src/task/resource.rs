//! What a task reads and writes on a host, as far as the planner needs to know.

/// Something on a host that one task can change while another depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A path, and everything below it. Compared as written: two paths to the same place (through a
    /// symbolic link) are not recognised as one.
    Path(String),
    /// A path only, and nothing below it: a directory that did not exist before.
    Entry(String),
    /// The missing parent directories of a path: they are created with it. Existing ones stay as they are.
    Above(String),
    /// A package, which stands for all packages: one installs others, and an installation may also write to
    /// system directories ([`SYSTEM`]), and add services, users and groups.
    Package(String),
    /// A systemd unit, with its suffix.
    Service(String),
    User(String),
    Group(String),
    /// A group, if the change affects no user that is not named too: it is added, it is removed with the
    /// user of its name, or it gains or loses that member.
    GroupAlone(String),
    /// The files that contain the users and groups, as files. The entry of one user or group is
    /// [`User`](Self::User) or [`Group`](Self::Group).
    Accounts,
    /// Anything.
    Any,
}

/// Where packages keep files. `/srv`, `/home`, `/root` and `/usr/local` belong to the administrator
/// (Filesystem Hierarchy Standard 3.0, and Debian Policy 9.1.2).
const SYSTEM: [&str; 10] = [
    "/bin", "/boot", "/etc", "/lib", "/lib64", "/opt", "/run", "/sbin", "/usr", "/var",
];

/// The files that contain users and groups.
const ACCOUNTS: [&str; 6] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/subuid",
    "/etc/subgid",
];

impl Resource {
    /// Whether a change to this can alter the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _)
            | (_, Self::Any)
            | (
                Self::Package(_),
                Self::Package(_)
                | Self::Service(_)
                | Self::User(_)
                | Self::Group(_)
                | Self::GroupAlone(_)
                | Self::Accounts,
            ) => true,
            (Self::Group(a), Self::GroupAlone(b)) | (Self::GroupAlone(a), Self::Group(b)) => a == b,
            (Self::Accounts, Self::Path(path)) | (Self::Path(path), Self::Accounts) => {
                ACCOUNTS.iter().any(|file| is_within(file, path))
            }
            (Self::Accounts, Self::Entry(path)) | (Self::Entry(path), Self::Accounts) => {
                ACCOUNTS.contains(&path.as_str())
            }
            (Self::Package(_), Self::Path(path) | Self::Entry(path)) => {
                is_of_system(path) || SYSTEM.iter().any(|root| is_within(root, path))
            }
            (Self::Path(a), Self::Path(b)) => is_within(a, b) || is_within(b, a),
            (Self::Path(tree), Self::Entry(entry)) | (Self::Entry(entry), Self::Path(tree)) => {
                is_within(entry, tree)
            }
            (Self::Path(tree), Self::Above(path)) | (Self::Above(path), Self::Path(tree)) => {
                is_above(tree, path)
            }
            (Self::Entry(entry), Self::Above(path)) | (Self::Above(path), Self::Entry(entry)) => {
                is_above(entry, path)
            }
            (a, b) => a == b,
        }
    }
}

/// Whether a change to one of `altered` may change the entry at `path`. Writing below a path does not.
pub(super) fn alters_path(altered: &[Resource], path: &str) -> bool {
    altered.iter().any(|resource| match resource {
        Resource::Any => true,
        Resource::Path(tree) => is_within(path, tree),
        Resource::Entry(entry) => is_within(path, entry) && is_within(entry, path),
        Resource::Above(below) => is_above(path, below),
        Resource::Package(_) => is_of_system(path),
        Resource::Accounts => ACCOUNTS.contains(&path),
        _ => false,
    })
}

/// Whether `entry` is a parent directory of `path`.
fn is_above(entry: &str, path: &str) -> bool {
    is_within(path, entry) && !is_within(entry, path)
}

/// Whether packages may have files at `path`.
pub(super) fn is_of_system(path: &str) -> bool {
    SYSTEM.iter().any(|root| is_within(path, root)) && !is_within(path, "/usr/local")
}

/// Whether `path` is `root` or below it, by whole components.
fn is_within(path: &str, root: &str) -> bool {
    let root = root.trim_end_matches('/');
    path.trim_end_matches('/')
        .strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a task depends on and what it may alter.
#[derive(Debug, Clone, Default)]
pub struct Touches {
    pub reads: Vec<Resource>,
    pub writes: Vec<Resource>,
}

impl Touches {
    #[must_use]
    pub fn writes(resource: Resource) -> Self {
        Self {
            reads: Vec::new(),
            writes: vec![resource],
        }
    }

    #[must_use]
    pub fn and_reads(mut self, resource: Resource) -> Self {
        self.reads.push(resource);
        self
    }

    #[must_use]
    pub fn and_writes(mut self, resource: Resource) -> Self {
        self.writes.push(resource);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Resource::{Any, Package, Path, Service};

    #[test]
    fn paths_overlap_by_whole_components() {
        let path = |p: &str| Path(p.to_owned());
        assert!(path("/srv/app").overlaps(&path("/srv/app/x")));
        assert!(path("/srv/app/x").overlaps(&path("/srv/app/")));
        assert!(path("/").overlaps(&path("/etc")));
        assert!(!path("/srv/app").overlaps(&path("/srv/apple")));
        assert!(!path("/srv/app").overlaps(&Package("app".into())));
        assert!(Any.overlaps(&Package("app".into())));
    }

    #[test]
    fn a_package_may_alter_system_directories() {
        let package = Package("nginx".into());
        assert!(package.overlaps(&Package("other".into())));
        assert!(package.overlaps(&Service("nginx.service".into())));
        assert!(package.overlaps(&Path("/etc/nginx/nginx.conf".into())));
        assert!(package.overlaps(&Path("/".into())));
        assert!(!package.overlaps(&Path("/srv/shop".into())));
        assert!(!package.overlaps(&Path("/usr/local/bin/shop".into())));
        assert!(!Path("/etc/nginx".into()).overlaps(&package));
        assert!(super::alters_path(
            std::slice::from_ref(&package),
            "/etc/passwd"
        ));
        assert!(!super::alters_path(&[package], "/home/shop"));
    }
}

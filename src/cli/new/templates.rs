//! The texts that `ops new` writes.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// Deploy an application behind HAProxy with one declaration
    Deploy,
    /// Roll out a release behind HAProxy, some hosts at a time
    RollingUpdate,
    /// Set up new hosts with an application behind HAProxy
    FullDeploy,
    /// Check the health of an application and its load balancer
    HealthCheck,
    /// Go back to the previous release
    Rollback,
}

impl From {
    /// Its file in `playbooks/`.
    const fn file(self) -> &'static str {
        match self {
            Self::Deploy => "deploy.rhai",
            Self::RollingUpdate => "rolling-update.rhai",
            Self::FullDeploy => "full-deploy.rhai",
            Self::HealthCheck => "health-check.rhai",
            Self::Rollback => "rollback.rhai",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ci {
    Github,
    Gitlab,
}

/// A file to be written.
pub(crate) struct File {
    /// Below the directory that is written into.
    pub path: String,
    pub text: String,
    /// Several playbooks use it: it may be there already, if it is the same.
    pub shared: bool,
}

impl File {
    fn new(path: impl Into<String>, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.to_owned(),
            shared: false,
        }
    }
}

pub(crate) fn playbook(name: &str, from: Option<From>) -> Vec<File> {
    let path = format!("{name}.rhai");
    let Some(from) = from else {
        return vec![File::new(path, include_str!("playbook/plain.rhai"))];
    };
    let text = match from {
        From::Deploy => include_str!("../../../playbooks/deploy.rhai"),
        From::RollingUpdate => include_str!("../../../playbooks/rolling-update.rhai"),
        From::FullDeploy => include_str!("../../../playbooks/full-deploy.rhai"),
        From::HealthCheck => include_str!("../../../playbooks/health-check.rhai"),
        From::Rollback => include_str!("../../../playbooks/rollback.rhai"),
    };
    // The copy names itself in its comments.
    let text = text.replace(&format!("playbooks/{}", from.file()), &path);
    let mut files = vec![File::new(path, &text)];
    if from != From::Deploy {
        let app = include_str!("../../../playbooks/lib/app.rhai");
        files.push(File {
            shared: true,
            ..File::new("lib/app.rhai", app)
        });
    }
    if from == From::FullDeploy {
        files.extend([
            File::new(
                "templates/app.env.j2",
                include_str!("../../../playbooks/templates/app.env.j2"),
            ),
            File::new(
                "templates/haproxy.cfg.j2",
                include_str!("../../../playbooks/templates/haproxy.cfg.j2"),
            ),
        ]);
    }
    files
}

/// Hosts for the playbooks that come with ops.
pub(crate) fn inventory() -> File {
    File::new("inventory.toml", include_str!("playbook/inventory.toml"))
}

pub(crate) fn project(name: &str, ci: Option<Ci>) -> Vec<File> {
    let readme = include_str!("project/README.md").replace("NAME", name);
    let mut files = vec![
        File::new("inventory.toml", include_str!("project/inventory.toml")),
        File::new("deploy.rhai", include_str!("project/deploy.rhai")),
        File::new("templates/motd.j2", include_str!("project/motd.j2")),
        File::new(".gitignore", include_str!("project/gitignore")),
        File::new("README.md", &readme),
    ];
    files.extend(ci.map(|ci| match ci {
        Ci::Github => File::new(
            ".github/workflows/deploy.yml",
            include_str!("ci/github.yml"),
        ),
        Ci::Gitlab => File::new(".gitlab-ci.yml", include_str!("ci/gitlab.yml")),
    }));
    files
}

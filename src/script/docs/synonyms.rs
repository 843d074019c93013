//! Ansible's modules and keywords, and their counterparts in ops.

/// Ansible terms with the same meaning, the pages to read, and an optional remark.
pub struct Synonym {
    pub names: &'static [&'static str],
    pub pages: &'static [&'static str],
    pub note: &'static str,
}

const fn same(
    names: &'static [&'static str],
    pages: &'static [&'static str],
    note: &'static str,
) -> Synonym {
    Synonym { names, pages, note }
}

const NO_TASK: &str = "ops has no task for it: use `commands::run` with `creates`, `unless` or `only_if`, \
                       or define a `task`.";

const SYNONYMS: &[Synonym] = &[
    same(
        &["apt", "package"],
        &["packages::installed", "packages::absent"],
        "",
    ),
    same(
        &["dnf", "yum", "apk", "zypper", "pacman"],
        &["packages::installed", "packages::absent"],
        "ops installs packages with apt only; with another package manager use `commands::run`.",
    ),
    same(
        &[
            "apt_repository",
            "deb822_repository",
            "apt_key",
            "rpm_key",
            "yum_repository",
        ],
        &["files::file", "files::template"],
        "ops has no task for repositories: write the file below /etc/apt and its key next to it.",
    ),
    same(
        &["copy"],
        &["files::file", "files::template", "archives::unpacked"],
        "`files::file(path, #{ source: \"files/x.conf\" })` copies a file, `archives::unpacked` a directory.",
    ),
    same(
        &["file"],
        &[
            "files::directory",
            "files::link",
            "files::absent",
            "files::file",
        ],
        "Every `state` of Ansible's module is a separate task.",
    ),
    same(&["lineinfile"], &["files::line"], ""),
    same(
        &["blockinfile", "replace", "ini_file", "xml"],
        &["files::line", "files::template"],
        "`files::line` is the only task of ops for part of a file: write the whole file, or a drop-in.",
    ),
    same(&["template"], &["files::template"], ""),
    same(&["assemble"], &["glob", "files::file", "array.join"], ""),
    same(&["fetch", "slurp"], &["Host.read"], ""),
    same(&["stat"], &["Host.stat"], ""),
    same(&["find", "getent"], &["Host.run", "Host.read"], ""),
    same(&["unarchive", "synchronize"], &["archives::unpacked"], ""),
    same(
        &["get_url"],
        &["archives::unpacked"],
        "`archives::unpacked` fetches archives, and with `file` single files. For others, use \
         `commands::run` with `creates`.",
    ),
    same(
        &["uri"],
        &["http", "Host.run"],
        "For a request that changes something, use a command.",
    ),
    same(
        &["git", "subversion", "hg"],
        &["std/release", "archives::unpacked", "commands::run"],
        "ops has no task for working copies: deploy a release as an archive, or run git with \
         `commands::run`.",
    ),
    same(
        &["service", "systemd", "systemd_service"],
        &[
            "services::running",
            "services::stopped",
            "services::enabled",
            "services::disabled",
            "std/systemd",
        ],
        "",
    ),
    same(
        &["sysvinit", "openrc", "runit"],
        &["commands::run"],
        NO_TASK,
    ),
    same(&["user"], &["users::present", "users::absent"], ""),
    same(
        &["authorized_key"],
        &["users::present"],
        "Keys are options of the user: `authorized_keys` lists all of them, `append_keys` keeps the others.",
    ),
    same(&["group"], &["groups::present", "groups::absent"], ""),
    same(
        &["cron", "at"],
        &["systemd::timer", "files::file"],
        "ops has no task for crontabs: create a systemd timer, or a file below /etc/cron.d.",
    ),
    same(
        &["command", "shell", "raw", "script", "expect"],
        &["commands::run", "Host.run"],
        "",
    ),
    same(&["debug"], &["log::info", "log::detail"], ""),
    same(&["fail", "assert"], &["fail"], ""),
    same(
        &["wait_for", "wait_for_connection"],
        &["Host.wait_until", "tcp", "port"],
        "",
    ),
    same(&["ping"], &["Host.run"], ""),
    same(
        &["setup", "gather_facts", "mount_facts"],
        &["Host.facts", "Host.addresses", "Host.mounts"],
        "",
    ),
    same(&["package_facts", "service_facts"], &["Host.run"], NO_TASK),
    same(&["pause"], &["confirm", "sleep"], ""),
    same(
        &["delegate_to", "local_action"],
        &["hosts", "controller"],
        "",
    ),
    same(
        &["serial", "max_fail_percentage", "strategy"],
        &["rollout", "each"],
        "",
    ),
    same(
        &["handler", "handlers", "notify", "listen"],
        &["services::running"],
        "The option `restart_on` of a service lists what restarts it.",
    ),
    same(
        &["run_once"],
        &["hosts", "controller"],
        "Code outside of `each` runs once: `let first = hosts(\"web\")[0]; first.run(\"...\");`.",
    ),
    same(
        &["when"],
        &["Host.facts", "param"],
        "Write `if condition { ... } else { ... }`.",
    ),
    same(
        &["register"],
        &["Host.apply"],
        "`h.apply` returns the outcome.",
    ),
    same(
        &["set_fact", "vars", "include_vars"],
        &["Host.vars", "yaml::parse"],
        "Declare a variable with `let`.",
    ),
    same(&["vars_prompt"], &["param", "secret"], ""),
    same(&["no_log", "vault"], &["secret"], ""),
    same(&["become"], &["Host.become"], ""),
    same(&["until", "retries"], &["retry"], ""),
    same(
        &["block", "rescue", "always"],
        &["on_failure", "finally"],
        "Write `try { ... } catch (failure) { ... }`.",
    ),
    same(
        &[
            "include_tasks",
            "import_tasks",
            "include_role",
            "import_role",
            "role",
            "roles",
            "import_playbook",
        ],
        &["options"],
        "Import a module with `import \"lib/shop\" as shop;`; its functions return tasks.",
    ),
    same(
        &["with_items", "loop", "with_fileglob", "fileglob"],
        &["glob", "array"],
        "Write `for x in [1, 2] { ... }`.",
    ),
    same(
        &["now", "strftime", "to_datetime"],
        &["dates::now", "dates::parse", "Date.format"],
        "",
    ),
    same(&["regex_replace"], &["regex::replaced"], ""),
    same(
        &["regex_search", "regex_findall"],
        &["regex::find", "regex::find_all", "regex::captures"],
        "",
    ),
    same(
        &["from_json", "to_json"],
        &["json::parse", "json::format"],
        "",
    ),
    same(
        &["from_yaml", "to_yaml"],
        &["yaml::parse", "yaml::format"],
        "",
    ),
    same(
        &[
            "hostname",
            "timezone",
            "sysctl",
            "mount",
            "modprobe",
            "reboot",
            "selinux",
            "seboolean",
            "firewalld",
            "ufw",
            "iptables",
            "nftables",
            "pip",
            "npm",
            "gem",
            "cargo",
            "composer",
            "docker_container",
            "docker_image",
            "podman_container",
            "mysql_db",
            "mysql_user",
            "postgresql_db",
            "postgresql_user",
            "openssl_privatekey",
            "x509_certificate",
            "acme_certificate",
            "htpasswd",
            "locale_gen",
            "debconf",
            "dpkg_selections",
            "alternatives",
            "filesystem",
            "lvol",
            "parted",
            "known_hosts",
            "archive",
            "tempfile",
            "patch",
            "add_host",
            "group_by",
            "helm",
            "k8s",
            "make",
            "lxd_container",
            "snap",
            "flatpak",
        ],
        &["commands::run", "task"],
        NO_TASK,
    ),
];

/// All of these terms.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let all = SYNONYMS.iter().flat_map(|synonym| synonym.names);
    all.copied()
}

/// The entry of an Ansible term. It may have a collection as a prefix: `ansible.builtin.copy`.
pub(crate) fn find(name: &str) -> Option<&'static Synonym> {
    let name = name.rsplit('.').next().unwrap_or(name);
    SYNONYMS
        .iter()
        .find(|synonym| synonym.names.contains(&name))
}

#[cfg(test)]
mod tests;

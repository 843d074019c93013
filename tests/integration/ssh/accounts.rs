//! A container with accounts as administrators configure them: passwords, login shells that are not shells,
//! restrictive sudoers.
//!
//! | user | what it is |
//! |---|---|
//! | `nolog` | its shell is `nologin`; it may become root |
//! | `rbashy` | a restricted shell; it may become root |
//! | `stale` | its password has expired; it may become root |
//! | `menu` | its shell asks for a choice, again and again |
//! | `mute` | its shell says nothing |
//! | `slow` | the sudo that it finds sleeps |
//! | `onlydeploy` | may become `deploy` alone, without a password |
//! | `onlycmd` | may run one command as root, without a password |
//! | `typo` | may become root with its password |
//! | `pw`, `kbd`, `both` | log in with a password: by that method, by keyboard-interactive, by either |
//! | `pwexpired` | logs in by keyboard-interactive; its password has expired |

use std::sync::OnceLock;

use crate::fleet::{Container, Image, PASSWORD};

const SETUP: &str = r#"
set -eu
for user in stale slow onlydeploy onlycmd typo pw kbd both pwexpired; do useradd -m -s /bin/bash $user; done
useradd -m -s /usr/sbin/nologin nolog
ln -sf bash /bin/rbash
useradd -m -s /bin/rbash rbashy
printf '%s\n' '#!/bin/sh' 'while :; do printf "1) status\n2) logs\nYour choice? "; read -r choice || exit; done' >/bin/menu
printf '%s\n' '#!/bin/sh' 'exec sleep 600' >/bin/mute
mkdir /opt/slow
printf '%s\n' '#!/bin/sh' 'echo "Touch your key." >&2; exec sleep 600' >/opt/slow/sudo
chmod 755 /bin/menu /bin/mute /opt/slow/sudo
useradd -m -s /bin/menu menu
useradd -m -s /bin/mute mute
for user in stale slow typo pw kbd both pwexpired; do echo "$user:@PASSWORD@" | chpasswd; done
chage -d 0 stale
chage -d 0 pwexpired
cat >/etc/sudoers.d/accounts <<'EOF'
nolog,rbashy,stale,menu,mute ALL=(ALL:ALL) NOPASSWD: ALL
onlydeploy ALL=(deploy) NOPASSWD: ALL
onlycmd ALL=(root) NOPASSWD: /usr/bin/id
typo ALL=(ALL:ALL) ALL
EOF
chmod 0440 /etc/sudoers.d/accounts
cat >>/etc/ssh/sshd_config <<'EOF'
Match User slow
    SetEnv PATH=/opt/slow:/usr/bin:/bin
Match User pw
    AuthenticationMethods password
    PasswordAuthentication yes
Match User kbd,pwexpired
    AuthenticationMethods keyboard-interactive
    KbdInteractiveAuthentication yes
Match User both
    PubkeyAuthentication no
    PasswordAuthentication yes
    KbdInteractiveAuthentication yes
EOF
systemctl restart ssh
"#;

/// One container for all tests of this process.
pub(crate) fn accounts() -> Option<&'static Container> {
    static CONTAINER: OnceLock<Option<Container>> = OnceLock::new();
    CONTAINER
        .get_or_init(|| {
            let container = Container::start(Image::Debian)?;
            container.look(&SETUP.replace("@PASSWORD@", PASSWORD));
            Some(container)
        })
        .as_ref()
}

//! A real nginx on a host.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use super::{Site, daemon, free_address, write};
use crate::fleet::process::{self, wait_until};

/// An nginx with the upstream `shop` in a separate file. Dropping it stops it.
pub(crate) struct Nginx {
    child: Child,
    upstream: PathBuf,
    address: String,
}

impl Nginx {
    pub(crate) fn start(site: &Site, at: usize) -> Self {
        let host = &site.balancers()[at];
        let address = free_address(host.endpoint().address);
        let root = host.root();
        let servers: String = site
            .servers()
            .iter()
            .map(|(name, address)| format!("    server {address} max_fails=0; # {name}\n"))
            .collect();
        let upstream = write(
            &root,
            "shop.conf",
            &format!("upstream shop {{\n{servers}}}\n"),
        );
        std::fs::create_dir_all(root.join("tmp")).expect("a directory");
        let config = format!(
            "user {user};\ndaemon off;\nworker_processes 2;\npid {root}/nginx.pid;\nerror_log {root}/nginx.log;\nevents {{ }}\n\
             http {{\n  access_log off;\n  client_body_temp_path {root}/tmp/1;\n  proxy_temp_path {root}/tmp/2;\n\
             fastcgi_temp_path {root}/tmp/3;\n  uwsgi_temp_path {root}/tmp/4;\n  scgi_temp_path {root}/tmp/5;\n\
             include {root}/*.conf;\n\
             server {{\n  listen {address};\n  location / {{\n    proxy_pass http://shop;\n    proxy_next_upstream off;\n  }}\n  }}\n}}\n",
            user = crate::fleet::current_user(),
            root = root.display(),
        );
        let config = write(&root, "nginx.main", &config);
        let child = daemon("nginx", host)
            .arg("-p")
            .arg(&root)
            .arg("-c")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(root.join("nginx.err")).expect("its output"))
            .spawn()
            .expect("nginx is installed (`make test` does that)");
        wait_until(
            || TcpStream::connect(&address).is_ok() && root.join("nginx.pid").exists(),
            || std::fs::read_to_string(root.join("nginx.err")).unwrap_or_default(),
        );
        Self {
            child,
            upstream,
            address,
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Kills its processes.
    pub(crate) fn kill(&self) {
        process::kill(process::descendants(self.child.id()));
        process::kill([self.child.id()]);
    }

    /// Returns the line of a server.
    pub(crate) fn line(&self, address: &str) -> String {
        let text = self.file();
        let line = text.lines().find(|line| line.contains(address));
        line.expect("the server's line").trim().to_owned()
    }

    pub(crate) fn file(&self) -> String {
        std::fs::read_to_string(&self.upstream).expect("the file of the upstream")
    }

    /// Returns its workers that accept requests.
    pub(crate) fn workers(&self) -> usize {
        self.titled("nginx: worker process")
    }

    /// Returns its workers that finish their requests and then exit.
    pub(crate) fn leaving(&self) -> usize {
        self.titled("nginx: worker process is shutting down")
    }

    fn titled(&self, title: &str) -> usize {
        process::descendants(self.child.id())
            .into_iter()
            .filter(|id| {
                let said = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
                let said = String::from_utf8_lossy(&said);
                said.trim_matches(['\0', ' ']) == title
            })
            .count()
    }

    /// Returns a closure that counts the servers that are not marked, for another thread.
    pub(crate) fn counter(&self) -> impl Fn() -> usize + Send + 'static {
        let upstream = self.upstream.clone();
        move || {
            let text = std::fs::read_to_string(&upstream).unwrap_or_default();
            let servers = text
                .lines()
                .filter(|line| line.trim().starts_with("server "));
            servers.filter(|line| !line.contains(" down;")).count()
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

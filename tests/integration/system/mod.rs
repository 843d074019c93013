//! Packages, services, users and commands on a separate machine: a container with systemd, apt and a small
//! repository of packages.

mod apt;
mod commands;
mod machine;
mod packages;
mod services;
mod users;

//! External programs that the tests need.
//!
//! Each is found on the machine or installed below `target/tools`. Otherwise the error says how to install it. Nothing
//! is installed for the whole machine.

mod alertmanager;
mod axe;
mod cargo_deny;
mod cargo_generate;
mod cargo_hack;
mod cargo_install;
mod chromium;
mod conventions;
mod debian;
mod mdbook;
mod npm;
mod pgbadger;
mod postgres;
mod postgres_exporter;
mod prometheus;
mod prometheus_client;
mod python;
mod redis_server;
mod rotel;
mod schemas;
mod typescript;

use std::{
    env,
    path::{Path, PathBuf},
};

pub use alertmanager::{Alertmanager, alertmanager};
pub use axe::axe;
pub use cargo_deny::cargo_deny;
pub use cargo_generate::cargo_generate;
pub use cargo_hack::cargo_hack;
pub use chromium::{Chromium, chromium};
pub use conventions::{Conventions, conventions};
pub use mdbook::mdbook;
pub use pgbadger::pgbadger;
pub use postgres::{Postgres, PostgresServer, postgres};
pub use postgres_exporter::postgres_exporter;
pub use prometheus::{Prometheus, prometheus};
pub use prometheus_client::prometheus_client;
pub use redis_server::RedisServer;
pub use rotel::rotel;
pub use schemas::{builtin_schema, hadolint, kubernetes_validate, zizmor};
pub use typescript::{TypeScript, typescript_with_grafana};

/// The first executable called `name` in one of the folders of `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

//! postgres_exporter: from `PATH`, or unpacked from Debian's package.

use std::path::PathBuf;

use anyhow::Context as _;

use super::debian;
use crate::{paths, tools};

/// Finds or unpacks the exporter.
pub fn postgres_exporter() -> anyhow::Result<PathBuf> {
    let installed = tools::on_path("postgres_exporter").or_else(|| tools::on_path(DEBIAN));
    if let Some(installed) = installed {
        return Ok(installed);
    }
    let folder = paths::tools().join("postgres-exporter");
    let server = folder.join("usr/bin").join(DEBIAN);
    if !server.exists() {
        debian::unpack("postgres_exporter", &[DEBIAN], &folder).context("install postgres_exporter so that it is on PATH (Debian, Ubuntu: apt-get install prometheus-postgres-exporter; elsewhere: github.com/prometheus-community/postgres_exporter)")?;
    }
    Ok(server)
}

/// Debian's name of both the package and the program.
const DEBIAN: &str = "prometheus-postgres-exporter";

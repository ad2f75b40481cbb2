//! Prometheus and promtool: from `PATH`, or unpacked from Debian's package.

use std::path::PathBuf;

use anyhow::Context as _;

use super::debian;
use crate::{paths, tools};

pub(crate) struct Prometheus {
    pub(crate) server: PathBuf,
    pub(crate) promtool: PathBuf,
}

/// Both programs, or what somebody must do to have them.
pub(crate) fn prometheus() -> anyhow::Result<Prometheus> {
    if let (Some(server), Some(promtool)) =
        (tools::on_path("prometheus"), tools::on_path("promtool"))
    {
        return Ok(Prometheus { server, promtool });
    }
    let folder = paths::tools().join("prometheus");
    let unpacked = || Prometheus {
        server: folder.join("usr/bin/prometheus"),
        promtool: folder.join("usr/bin/promtool"),
    };
    if !unpacked().server.exists() {
        debian::unpack("Prometheus", &["prometheus"], &folder).context("install Prometheus so that `prometheus` and `promtool` are on PATH (Debian, Ubuntu: apt-get install prometheus; elsewhere: prometheus.io/download)")?;
    }
    Ok(unpacked())
}

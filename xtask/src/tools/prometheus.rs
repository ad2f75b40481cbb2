//! Prometheus and promtool: from `PATH`, or unpacked from Debian's package.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, bail};

use crate::{command, paths, tools};

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
        download(&folder).context("install Prometheus so that `prometheus` and `promtool` are on PATH (Debian, Ubuntu: apt-get install prometheus; elsewhere: prometheus.io/download)")?;
    }
    Ok(unpacked())
}

/// Unpacks the package without installing it: no service is started, no user is made, and root is only needed where
/// the package lists have never been fetched.
fn download(folder: &PathBuf) -> anyhow::Result<()> {
    if tools::on_path("apt-get").is_none() || tools::on_path("dpkg-deb").is_none() {
        bail!(
            "prometheus and promtool are not on PATH, and this is no Debian-like system from whose packages to take them"
        );
    }
    std::fs::create_dir_all(folder)?;
    if rustix::process::geteuid().is_root() {
        command::run(
            "fetch the package lists",
            Command::new("apt-get").args(["update", "-q"]),
        )?;
    }
    command::run(
        "fetch Prometheus",
        Command::new("apt-get")
            .args(["download", "-q", "prometheus"])
            .current_dir(folder),
    )?;
    let package = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|file| file.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get download left no package behind")?;
    command::run(
        "unpack Prometheus",
        Command::new("dpkg-deb")
            .arg("--extract")
            .args([&package, folder]),
    )?;
    Ok(())
}

//! Prometheus and promtool: from `PATH`, or unpacked from Debian's package.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::debian;
use crate::{
    paths,
    process::{Process, START_TIMEOUT},
    tools,
};

/// Prometheus' programs.
#[derive(Debug)]
pub struct Prometheus {
    /// The server.
    pub server: PathBuf,
    /// The command-line tool.
    pub promtool: PathBuf,
}

/// The folder of the samples, below that of the server.
const DATA: &str = "prometheus-data";

impl Prometheus {
    /// Starts the server in `folder` on a free port, with exemplar storage.
    ///
    /// Samples of an earlier server in the same folder are removed, because a query would find them as well. Returns the
    /// process and its address, such as `http://127.0.0.1:41177`.
    pub fn start(
        &self,
        folder: &Path,
        config: &str,
        flags: &[&str],
    ) -> anyhow::Result<(Process, String)> {
        fs::write(folder.join("prometheus.yml"), config)?;
        let data = folder.join(DATA);
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        let mut command = Command::new(&self.server);
        command
            .current_dir(folder)
            .args([
                "--config.file=prometheus.yml",
                &format!("--storage.tsdb.path={DATA}"),
                "--web.listen-address=127.0.0.1:0",
                "--enable-feature=exemplar-storage",
            ])
            .args(flags);
        let process = Process::start("prometheus", &mut command)?;
        // msg="Listening on" address=127.0.0.1:41177
        let address = process.wait_for_line("its listening address", START_TIMEOUT, |line| {
            let (_, rest) = line.split_once("\"Listening on\" address=")?;
            rest.split_whitespace()
                .next()
                .map(|address| format!("http://{address}"))
        })?;
        process.wait_for_line("\"Server is ready\"", START_TIMEOUT, |line| {
            line.contains("Server is ready").then_some(())
        })?;
        Ok((process, address))
    }
}

/// Finds or unpacks both programs.
pub fn prometheus() -> anyhow::Result<Prometheus> {
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

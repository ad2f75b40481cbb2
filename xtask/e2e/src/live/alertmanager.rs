//! Alertmanager with the shipped routing, scaled waits, and the webhook.

use std::{fs, path::Path, process::Command, thread, time::Duration, time::Instant};

use anyhow::bail;
use observability::alerts::{
    Timing,
    routes::{Receivers, config as routes},
};
use support::{
    http,
    process::{Process, START_TIMEOUT},
    tools,
};

use super::webhook::Webhook;
use crate::service::free_address;

/// A running server.
pub(super) struct Alertmanager {
    /// Kills the server on drop.
    _process: Process,
    /// The host and the port.
    pub(super) address: String,
}

impl Alertmanager {
    pub(super) fn start(
        tools: &tools::Alertmanager,
        folder: &Path,
        webhook: &Webhook,
    ) -> anyhow::Result<Self> {
        let receivers = Receivers {
            page: &webhook.url("page"),
            ticket: &webhook.url("ticket"),
            heartbeat: &webhook.url("heartbeat"),
        };
        let config = folder.join("alertmanager.yml");
        fs::write(&config, routes(Timing::Scaled, &receivers))?;
        let address = free_address()?;
        let mut command = tools.server();
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.path={}",
                folder.join("alertmanager-data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            // An empty address turns clustering off.
            .arg("--cluster.listen-address=");
        let process = start(&mut command, &address)?;
        Ok(Self {
            _process: process,
            address,
        })
    }
}

fn start(command: &mut Command, address: &str) -> anyhow::Result<Process> {
    let mut process = Process::start("alertmanager", command)?;
    let until = Instant::now() + START_TIMEOUT;
    let ready = format!("http://{address}/-/ready");
    while !http::get(&ready).is_ok_and(|answer| answer.status == 200) {
        if process.has_ended() || Instant::now() > until {
            bail!(
                "Alertmanager does not listen; its output:\n{}",
                process.lines().join("\n")
            );
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(process)
}

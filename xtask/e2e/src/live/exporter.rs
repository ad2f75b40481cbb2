//! postgres_exporter with the queries that are shipped beside the dashboards.

use std::{path::Path, process::Command, thread, time::Duration, time::Instant};

use anyhow::bail;
use support::{
    http, paths,
    process::{Process, START_TIMEOUT},
};

use crate::service::free_address;

/// A running exporter.
pub(super) struct Exporter {
    /// Kills the exporter on drop.
    _process: Process,
    /// The host and port that Prometheus scrapes.
    pub(super) target: String,
}

impl Exporter {
    pub(super) fn start(program: &Path, database: &str) -> anyhow::Result<Self> {
        let queries = paths::root().join("docs/dashboards/postgres_exporter.yaml");
        let target = free_address()?;
        let mut command = Command::new(program);
        command
            .env("DATA_SOURCE_NAME", format!("{database}?sslmode=disable"))
            .arg(format!("--extend.query-path={}", queries.display()))
            .arg(format!("--web.listen-address={target}"));
        let mut process = Process::start("postgres_exporter", &mut command)?;
        let until = Instant::now() + START_TIMEOUT;
        while !http::get(&format!("http://{target}/metrics"))
            .is_ok_and(|answer| answer.body.contains("pg_up 1"))
        {
            if process.has_ended() || Instant::now() > until {
                bail!(
                    "postgres_exporter does not reach PostgreSQL; its output:\n{}",
                    process.lines().join("\n")
                );
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(Self {
            _process: process,
            target,
        })
    }
}

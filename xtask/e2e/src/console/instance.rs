//! The service with the console, under load and with faults.

use std::{cell::RefCell, time::Duration};

use anyhow::{Context as _, ensure};
use support::{http, tools::PostgresServer};

use crate::{
    background_load::Load,
    service::{Built, Service, free_address},
};

/// A service that can be started again on the same ports.
pub(super) struct Instance {
    built: Built,
    settings: Vec<(String, String)>,
    service: RefCell<Option<Service>>,
    /// The address of its routes, such as `http://127.0.0.1:38123`.
    pub(super) address: String,
    /// The address of the console.
    pub(super) admin: String,
}

impl Instance {
    /// Creates a database and starts a service that uses it.
    ///
    /// `database` is an SQL identifier without quotes, and `settings` are further environment variables.
    pub(super) fn start(
        built: &Built,
        server: &PostgresServer,
        database: &str,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        server.psql("postgres", &format!("CREATE DATABASE {database}"))?;
        let (address, admin) = (free_address()?, free_address()?);
        let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
        let (own_port, admin_port) = (port(&address), port(&admin));
        let (database, bank) = (server.url_of(database), format!("http://{address}"));
        let all = [
            ("DATABASE_URL", &*database),
            ("PORT", &*own_port),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", &*admin_port),
            // The service calls itself as its bank, so that it has outgoing calls.
            ("BANK_URL", &*bank),
            ("FAULTS_LOOK", "1"),
            ("FIRSTLIGHT_TRACE_URL", TRACE_URL),
            (
                "FIRSTLIGHT_METRICS_CARDINALITY_LIMIT",
                "faults_flood_total=20",
            ),
        ];
        let all = all.iter().chain(settings);
        let instance = Self {
            built: built.clone(),
            settings: all
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            service: RefCell::new(None),
            address: format!("http://{address}"),
            admin: format!("http://{admin}"),
        };
        instance.start_again()?;
        Ok(instance)
    }

    /// Starts the service again after [`Instance::kill`].
    pub(super) fn start_again(&self) -> anyhow::Result<()> {
        let settings = self.settings.iter();
        let settings: Vec<_> = settings.map(|(name, value)| (&**name, &**value)).collect();
        let service = Service::start(&self.built.program, None, &settings)?;
        self.service.replace(Some(service));
        Ok(())
    }

    /// Kills the service with SIGKILL.
    pub(super) fn kill(&self) -> anyhow::Result<()> {
        let service = self.service.borrow_mut().take();
        service.context("the service does not run")?.kill()
    }

    /// Sends a POST request and returns the answer, whatever its status.
    pub(super) fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<http::Answer> {
        http::send("POST", &format!("{}{path}", self.address), headers, body)
    }

    /// Sends a POST request that must be answered with `status`.
    pub(super) fn post_for(&self, path: &str, body: &str, status: u16) -> anyhow::Result<()> {
        let answer = self.post(path, &[], body)?;
        ensure!(
            answer.status == status,
            "POST {path}: found {}, expected {status}: {}",
            answer.status,
            answer.body
        );
        Ok(())
    }

    /// Starts ordinary load, and every fault that a view shows.
    pub(super) fn load(&self) -> anyhow::Result<Vec<Load>> {
        let address = &self.address;
        let posts = |pause, path: &str| {
            let pause = Duration::from_millis(pause);
            Load::posts(1, pause, format!("{address}{path}"))
        };
        self.post_for("/faults/flood/50", "", 200)?;
        self.post("/faults/stale", &[], "")?;
        Ok(vec![
            Load::ordinary(address),
            Load::orders(1, Duration::from_secs(3), address, "declined"),
            Load::orders(1, Duration::from_secs(5), address, "slow"),
            Load::deadlocks(address),
            posts(700, "/faults/fail"),
            posts(900, "/faults/call"),
            posts(1_100, "/faults/pay/14"),
            posts(2_000, "/trouble/slow/1200"),
            posts(1_500, "/faults/n-plus-one/30"),
        ])
    }
}

/// The address of a trace in another program.
pub(super) const TRACE_URL: &str = "http://127.0.0.1:3200/trace/{trace_id}";

//! The programs of the suite: two services, PostgreSQL, and their monitoring.
//!
//! All listen on free ports of the loopback interface, and all are stopped on drop.

use std::{
    cell::RefCell,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use firstlight::testing::OtlpReceiver;
use support::{
    http, paths,
    tools::{self, PostgresServer},
};

use super::{
    alertmanager::Alertmanager,
    exporter::Exporter,
    prometheus::{Prometheus, Scraped},
    webhook::Webhook,
};
use crate::{
    custom_service,
    service::{Service, free_address},
};

/// The service whose dashboards are tested.
pub(super) const ORDERS: &str = "orders";
/// A service with few connections, few files and a short latency budget.
///
/// Faults that would hide others are injected here.
pub(super) const STARVED: &str = "orders-starved";
/// The name of postgres_exporter's job in Prometheus.
pub(super) const SERVER: &str = "postgresql";

/// Settings of PostgreSQL.
///
/// `pg_stat_statements` must be loaded at the start. The server allows few connections, so that a fault can take most of
/// them.
const POSTGRES: &[&str] = &[
    "shared_preload_libraries=pg_stat_statements",
    "max_connections=60",
];

/// A generated service that can be started again on the same ports.
pub(super) struct Instance {
    pub(super) job: &'static str,
    pub(super) service: RefCell<Option<Service>>,
    /// The address of its routes.
    pub(super) address: String,
    /// The host and the port of `/metrics`.
    pub(super) admin: String,
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
}

/// All running programs.
pub(super) struct Environment {
    pub(super) prometheus: Prometheus,
    _alertmanager: Alertmanager,
    exporter: Exporter,
    pub(super) orders: Instance,
    pub(super) starved: Instance,
    pub(super) replica: PostgresServer,
    pub(super) postgres: PostgresServer,
    pub(super) webhook: Webhook,
    pub(super) collector: OtlpReceiver,
}

impl Environment {
    pub(super) fn start() -> anyhow::Result<Self> {
        let prometheus = tools::prometheus()?;
        let alertmanager = tools::alertmanager()?;
        let exporter = tools::postgres_exporter()?;
        let postgres = PostgresServer::start_with(&tools::postgres()?, POSTGRES)?;
        let built = custom_service::service()?;
        let folder = paths::fresh("live").context("cannot empty target/live")?;
        fs::create_dir_all(&folder)?;

        let replica = postgres.replica()?;
        postgres.psql("postgres", "CREATE DATABASE orders")?;
        postgres.psql("postgres", "CREATE DATABASE starved")?;
        postgres.psql("orders", "CREATE EXTENSION pg_stat_statements")?;
        let collector = OtlpReceiver::start()?;
        let orders = Instance::new(
            ORDERS,
            built.program.clone(),
            &postgres.url_of("orders"),
            [
                ("DATABASE_MAX_CONNECTIONS", "10"),
                ("FAULTS_LATENCY_BUDGET", "40"),
            ],
        )?;
        let starved = Instance::new(
            STARVED,
            with_file_limit(&folder, &built.program)?,
            &postgres.url_of("starved"),
            [
                ("DATABASE_MAX_CONNECTIONS", "3"),
                ("FAULTS_LATENCY_BUDGET", "5"),
            ],
        )?;
        orders.start(&collector)?;
        starved.start(&collector)?;
        let exporter = Exporter::start(&exporter, &postgres.url_of("orders"))?;
        let webhook = Webhook::start()?;
        let alertmanager = Alertmanager::start(&alertmanager, &folder, &webhook)?;
        let scraped = [
            orders.scraped(),
            starved.scraped(),
            (SERVER, SERVER, &*exporter.target),
        ];
        let prometheus = Prometheus::start(
            &prometheus,
            &folder,
            Some(&alertmanager.address),
            &scraped,
            "",
        )?;
        Ok(Self {
            prometheus,
            _alertmanager: alertmanager,
            exporter,
            orders,
            starved,
            replica,
            postgres,
            webhook,
            collector,
        })
    }

    /// All targets of Prometheus.
    pub(super) fn scraped(&self) -> [Scraped<'_>; 3] {
        [
            self.orders.scraped(),
            self.starved.scraped(),
            (SERVER, SERVER, &*self.exporter.target),
        ]
    }

    /// Starts a killed instance again.
    pub(super) fn start_again(&self, instance: &Instance) -> anyhow::Result<()> {
        instance.start(&self.collector)
    }

    /// Limits the targets of Prometheus to the jobs for which `is_target` is true.
    pub(super) fn scrape(&self, is_target: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let all = self.scraped();
        let targets: Vec<_> = all.into_iter().filter(|(job, ..)| is_target(job)).collect();
        self.prometheus.scrape(&targets)
    }
}

impl Instance {
    fn new(
        job: &'static str,
        program: PathBuf,
        database: &str,
        own: [(&'static str, &str); 2],
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let admin = free_address()?;
        let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
        let mut settings = vec![
            ("DATABASE_URL", database.to_owned()),
            ("PORT", port(&address)),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", port(&admin)),
            // The service calls itself as its bank, so that it has outgoing calls.
            ("BANK_URL", format!("http://{address}")),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=e2e".to_owned(),
            ),
            (
                "FIRSTLIGHT_METRICS_CARDINALITY_LIMIT",
                "faults_flood_total=10".to_owned(),
            ),
            ("OTEL_LOGS_EXPORTER", "otlp".to_owned()),
            ("FAULTS_LOOK", "1".to_owned()),
            ("FAULTS_HERD", "1".to_owned()),
        ];
        settings.extend(own.map(|(name, value)| (name, value.to_owned())));
        Ok(Self {
            job,
            service: RefCell::new(None),
            address: format!("http://{address}"),
            admin,
            program,
            settings,
        })
    }

    fn start(&self, collector: &OtlpReceiver) -> anyhow::Result<()> {
        let settings = self.settings.iter();
        let settings: Vec<_> = settings.map(|(name, value)| (*name, &**value)).collect();
        let endpoint = collector.endpoint();
        let service = Service::start(&self.program, Some(&endpoint), &settings)?;
        self.service.replace(Some(service));
        Ok(())
    }

    fn scraped(&self) -> Scraped<'_> {
        (self.job, self.job, &self.admin)
    }

    /// Kills the service with SIGKILL.
    pub(super) fn kill(&self) -> anyhow::Result<()> {
        let service = self.service.borrow_mut().take();
        service.context("the service does not run")?.kill()
    }

    /// Sends a POST request that must be answered with `status`.
    pub(super) fn post(&self, path: &str, status: u16) -> anyhow::Result<()> {
        let answer = http::send("POST", &format!("{}{path}", self.address), &[], "")?;
        ensure!(
            answer.status == status,
            "POST {path}: found {}, expected {status}: {}",
            answer.status,
            answer.body
        );
        Ok(())
    }
}

/// A script that runs `program` with a limit of 256 open files.
///
/// The service without a fault needs only a few of them.
fn with_file_limit(folder: &Path, program: &Path) -> anyhow::Result<PathBuf> {
    let script = folder.join("with-file-limit.sh");
    let text = format!("#!/bin/sh\nulimit -n 256\nexec '{}'\n", program.display());
    fs::write(&script, text).with_context(|| script.display().to_string())?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

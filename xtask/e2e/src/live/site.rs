//! Everything that the suite runs: two services on one PostgreSQL, and all that watches them. On the loopback interface, on
//! free ports; dropped, it ends by process id.

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
    exporter::{Exporter, free_address},
    prometheus::{Prometheus, Scraped},
    webhook::Webhook,
};
use crate::{custom_service, service::Service};

/// The service whose dashboards are tested.
pub(super) const ORDERS: &str = "orders";
/// The same with little of everything: few connections, few files, and little time for a job. For faults that would hide others.
pub(super) const STARVED: &str = "orders-starved";
/// The job of postgres_exporter.
pub(super) const SERVER: &str = "postgresql";

/// `pg_stat_statements` must be there from the start. Few connections, so that all of them can be taken.
const POSTGRES: &[&str] = &[
    "shared_preload_libraries=pg_stat_statements",
    "max_connections=60",
];

/// One generated service as the suite runs it, again and again at the same place.
pub(super) struct Instance {
    pub(super) job: &'static str,
    pub(super) service: RefCell<Option<Service>>,
    /// Where it serves.
    pub(super) address: String,
    /// Host and port of its `/metrics`.
    pub(super) admin: String,
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
}

/// All running programs.
pub(super) struct Site {
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

impl Site {
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
            with_few_files(&folder, &built.program)?,
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

    /// Everything that Prometheus knows of.
    pub(super) fn scraped(&self) -> [Scraped<'_>; 3] {
        [
            self.orders.scraped(),
            self.starved.scraped(),
            (SERVER, SERVER, &*self.exporter.target),
        ]
    }

    /// Starts an instance again that was killed.
    pub(super) fn start_again(&self, instance: &Instance) -> anyhow::Result<()> {
        instance.start(&self.collector)
    }

    /// Lets Prometheus know of the services that `known` is true for, and of PostgreSQL.
    pub(super) fn scrape(&self, known: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let all = self.scraped();
        let known: Vec<_> = all.into_iter().filter(|(job, ..)| known(job)).collect();
        self.prometheus.scrape(&known)
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
            // Charges are paid by a call to itself, so that there are calls.
            ("BANK_URL", format!("http://{address}")),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=e2e".to_owned(),
            ),
            (
                "FIRSTLIGHT_METRICS_SERIES_BUDGET",
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

    /// Kills it, as the kernel does.
    pub(super) fn kill(&self) -> anyhow::Result<()> {
        let service = self.service.borrow_mut().take();
        service.context("it does not run")?.kill()
    }

    /// A POST that must be answered with this status.
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

/// A script that becomes `program`, and lets it open so many files that what it needs itself is little of them.
fn with_few_files(folder: &Path, program: &Path) -> anyhow::Result<PathBuf> {
    let script = folder.join("with-few-files.sh");
    let text = format!("#!/bin/sh\nulimit -n 256\nexec '{}'\n", program.display());
    fs::write(&script, text).with_context(|| script.display().to_string())?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

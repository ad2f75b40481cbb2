//! What a service does with its database: one generated service with PostgreSQL and a worker, and everything
//! that goes wrong between the two. A second one is on SQLite, for what goes wrong with the disk below. It has
//! a second kind of job, as has a third, which is on PostgreSQL.
//!
//! The service has the example, and `xtask/e2e/service/trouble_routes.rs` beside it: endpoints that are slow or collide on demand. Each
//! scenario judges from outside, by answers, the exposition, log lines, spans, and rows that `psql` counts. None of them
//! asserts a time; where something must happen, it has a deadline of a minute.

mod account;
mod attempts;
mod clients;
mod concurrent_clients;
mod conflicts;
mod disk;
mod empty_database;
mod exhausted;
mod figures;
mod halfway;
mod journey;
mod killed;
mod kinds;
mod logged;
mod orders;
mod outage;
mod replicas;
mod slow;
mod small_disk;
mod symptoms;
mod tablespace;

use std::time::Duration;

use support::{
    Cases, http,
    tools::{self, Postgres, PostgresServer},
};

use self::{empty_database::Database, symptoms::Seen};
use crate::{
    service::{Built, Service},
    service_under_test,
};

/// Problem details that tell nothing of the inside.
const UNAVAILABLE: &str = r#"{"status":503,"title":"Service Unavailable","type":"about:blank"}"#;

/// Whether a request was answered with 503, as the template answers what its database cannot serve now.
fn is_unavailable(answer: &http::Answer) -> bool {
    let http::Answer {
        status,
        content_type,
        body,
    } = answer;
    *status == 503 && content_type == "application/problem+json" && body == UNAVAILABLE
}

/// What the scenarios share.
struct Parts {
    built: Built,
    postgres: Postgres,
    /// A database of it for each scenario. Those that stop a server have one of their own.
    server: PostgresServer,
}

impl Parts {
    /// An empty database.
    fn database(&self, name: &'static str) -> anyhow::Result<Database<'_>> {
        Database::create(&self.server, &self.built.program, name)
    }
}

/// Runs the suite.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let on_sqlite = service_under_test::on_sqlite()?;
    disk::sqlite_cases(cases, &on_sqlite.program)?;
    kinds::on_sqlite(cases, &on_sqlite.program);
    let postgres = match tools::postgres() {
        Ok(postgres) => postgres,
        Err(error) => {
            cases.not_run("the service on a real PostgreSQL", &format!("{error:#}"));
            return Ok(());
        }
    };
    let built = service_under_test::service()?;
    let server = PostgresServer::start(&postgres)?;
    let parts = Parts {
        built,
        postgres,
        server,
    };

    let mut seen = Seen::default();
    exhausted::cases(cases, &parts, &mut seen);
    outage::cases(cases, &parts, &mut seen);
    slow::cases(cases, &parts, &mut seen);
    logged::cases(cases, &parts);
    conflicts::cases(cases, &parts, &mut seen);
    symptoms::cases(cases, &seen);
    disk::postgres_cases(cases, &parts);
    halfway::cases(cases, &parts);
    killed::cases(cases, &parts);
    kinds::on_postgres(cases, &parts);
    attempts::cases(cases, &parts);
    replicas::cases(cases, &parts);
    journey::cases(cases, &parts);
    concurrent_clients::cases(cases, &parts);
    Ok(())
}

/// For whatever must happen: the machine may be building something else, and what a killed process held is free for others
/// after a quarter of a minute.
const SOON: Duration = Duration::from_secs(60);

/// Waits until the service wants traffic, which is 200, or none, which is 503.
fn ready(service: &Service, status: u16) -> anyhow::Result<()> {
    let url = format!("{}/readyz", service.admin);
    http::poll(&url, &[], SOON, |answer| {
        (answer.status == status).then_some(())
    })
}

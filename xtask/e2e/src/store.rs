//! Suite `store`: faults between a generated service and its database.
//!
//! The main service has PostgreSQL, a worker, the example, and the routes of `xtask/e2e/service/trouble_routes.rs`, which
//! are slow or conflict on demand. A second service has SQLite, for faults of the disk, and a second kind of job. A third
//! has both kinds of job on PostgreSQL.
//!
//! The cases check answers, the exposition, log lines, spans, and rows that `psql` counts. Every wait for
//! an event has a deadline of a minute.

mod attempts;
mod clients;
mod concurrent_clients;
mod conflicts;
mod disk;
mod distributed_trace;
mod evidence;
mod exhausted_pool;
mod exposition;
mod job_kinds;
mod killed_before_commit;
mod killed_service;
mod order_counts;
mod orders;
mod outage;
mod replicas;
mod slow_query;
mod small_disk;
mod statement_log;
mod symptoms;
mod tablespace;
mod test_database;

use std::time::Duration;

use support::{
    Cases, http,
    tools::{self, Postgres, PostgresServer},
};

use self::{symptoms::Observations, test_database::Database};
use crate::{
    custom_service,
    service::{Built, Service},
};

/// The body of a 503: problem details that reveal nothing internal.
const UNAVAILABLE: &str = r#"{"status":503,"title":"Service Unavailable","type":"about:blank"}"#;

/// Whether an answer is the template's 503 for a database that cannot serve now.
fn is_unavailable(answer: &http::Answer) -> bool {
    let http::Answer {
        status,
        content_type,
        body,
    } = answer;
    *status == 503 && content_type == "application/problem+json" && body == UNAVAILABLE
}

/// The service and the server that the cases share.
struct Fixture {
    built: Built,
    postgres: Postgres,
    /// The server, with a database for each case.
    ///
    /// Cases that stop a server start their own.
    server: PostgresServer,
}

impl Fixture {
    /// Creates an empty database.
    fn database(&self, name: &'static str) -> anyhow::Result<Database<'_>> {
        Database::create(&self.server, &self.built.program, name)
    }
}

/// Runs the suite.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let on_sqlite = custom_service::on_sqlite()?;
    disk::sqlite_cases(cases, &on_sqlite.program)?;
    job_kinds::on_sqlite(cases, &on_sqlite.program);
    let postgres = match tools::postgres() {
        Ok(postgres) => postgres,
        Err(error) => {
            cases.not_run("PostgreSQL", &format!("{error:#}"));
            return Ok(());
        }
    };
    let built = custom_service::service()?;
    let server = PostgresServer::start(&postgres)?;
    let fixture = Fixture {
        built,
        postgres,
        server,
    };

    let mut observations = Observations::default();
    exhausted_pool::cases(cases, &fixture, &mut observations);
    outage::cases(cases, &fixture, &mut observations);
    slow_query::cases(cases, &fixture, &mut observations);
    statement_log::cases(cases, &fixture);
    conflicts::cases(cases, &fixture, &mut observations);
    symptoms::cases(cases, &observations);
    evidence::cases(cases, &fixture);
    disk::postgres_cases(cases, &fixture);
    killed_before_commit::cases(cases, &fixture);
    killed_service::cases(cases, &fixture);
    job_kinds::on_postgres(cases, &fixture);
    attempts::cases(cases, &fixture);
    replicas::cases(cases, &fixture);
    distributed_trace::cases(cases, &fixture);
    concurrent_clients::cases(cases, &fixture);
    Ok(())
}

/// How long an expected event may take.
///
/// The machine may be building at the same time, and jobs of a killed process become free after 15 s.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `/readyz` answers with `status`: 200 if ready, 503 if not.
fn wait_for_readyz(service: &Service, status: u16) -> anyhow::Result<()> {
    let url = format!("{}/readyz", service.admin);
    http::poll(&url, &[], DEADLINE, |answer| {
        (answer.status == status).then_some(())
    })
}

//! Tests of sqlx queries with real databases.
//!
//! The databases are SQLite in this process, and the PostgreSQL server that `TEST_POSTGRES` names. Without a server,
//! the tests of PostgreSQL are reported as ignored, never as passed. All tests share one telemetry, because a process
//! can have only one. Each test has spans, tables and pools of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod connection_uses;
mod cron_store;
mod error_class;
mod explain;
mod health;
mod log_events;
mod postgres;
mod service;
mod sqlite;
#[path = "../support/mod.rs"]
mod support;
mod telemetry;
mod transaction;
mod workers;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use tracing::Instrument;

/// The variable that holds the URL of the PostgreSQL server.
///
/// For example `postgres://postgres@localhost:5432/postgres`.
pub(crate) const POSTGRES: &str = "TEST_POSTGRES";

fn main() -> ExitCode {
    if let Ok(scenario) = std::env::var("SCENARIO") {
        return log_events::run_scenario(&scenario);
    }
    let has_postgres = std::env::var_os(POSTGRES).is_some();
    if !has_postgres {
        let needed = postgres::TESTS.len()
            + log_events::POSTGRES_TESTS.len()
            + cron_store::POSTGRES_TESTS.len()
            + health::POSTGRES_TESTS.len()
            + transaction::POSTGRES_TESTS.len()
            + error_class::POSTGRES_TESTS.len()
            + workers::POSTGRES_TESTS.len()
            + connection_uses::POSTGRES_TESTS.len();
        println!(
            "{needed} tests not run: they need a PostgreSQL server, and {POSTGRES} is unset. \
             `cargo xtask test` starts one."
        );
    }
    let trial = |(name, test): &(&'static str, fn())| {
        let test = *test;
        Trial::test(*name, move || {
            test();
            Ok::<(), Failed>(())
        })
    };
    let anywhere = [
        sqlite::TESTS,
        log_events::TESTS,
        cron_store::TESTS,
        health::TESTS,
        transaction::TESTS,
        error_class::TESTS,
        explain::TESTS,
        workers::TESTS,
        connection_uses::TESTS,
    ]
    .concat();
    let on_postgres = [
        postgres::TESTS,
        log_events::POSTGRES_TESTS,
        cron_store::POSTGRES_TESTS,
        health::POSTGRES_TESTS,
        transaction::POSTGRES_TESTS,
        error_class::POSTGRES_TESTS,
        workers::POSTGRES_TESTS,
        connection_uses::POSTGRES_TESTS,
    ]
    .concat();
    let trials = (anywhere.iter().map(trial))
        .chain(
            on_postgres
                .iter()
                .map(|test| trial(test).with_ignored_flag(!has_postgres)),
        )
        .collect();
    let ended = libtest_mimic::run(&Arguments::from_args(), trials);
    telemetry::end();
    ended.exit_code()
}

/// Runs an asynchronous test on a new runtime.
pub(crate) fn on_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// Runs `work` in a span of this name, which is the root of a trace.
pub(crate) async fn within<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let span = tracing::info_span!("test", otel.name = name);
    work.instrument(span).await
}

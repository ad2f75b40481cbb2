//! Two instances on one database: who runs what, by the account in their table.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;

use super::{Parts, SOON, account::Account, database::Database, figures::Figures, orders};
use crate::test::Cases;

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    cases.check(
        "two instances run each tick of a schedule once, and each job once; when one stops, the other goes on",
        || run(parts),
    );
}

fn run(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("replicas")?;
    let mut first = database.serve(&[])?;
    let mut second = database.serve(&[])?;
    for _ in 0..ORDERS / 2 {
        orders::place(&first, orders::TELESCOPE)?;
        orders::place(&second, orders::TELESCOPE)?;
    }
    ticks(&database, TICKS)?;
    let account = Account::settled(&database)?;
    ensure!(
        account.orders == ORDERS && account.done == ORDERS && account.begun_again == 0,
        "found {account:?}, expected {ORDERS} orders that are done, each charged once"
    );
    let elsewhere = runs(&first, "skipped_elsewhere")? + runs(&second, "skipped_elsewhere")?;
    ensure!(
        elsewhere > 0.0,
        "no instance has ever left a tick to the other, so nothing is proven"
    );

    let left_by_first = left_out(&first)?;
    first.stop()?;
    let so_far = database.number(RUNS)?;
    ticks(&database, so_far + 2)?;
    let left_out = left_by_first + left_out(&second)?;
    second.stop()?;

    let [runs, ticks, span] = database.numbers(
        "SELECT COUNT(*), COUNT(DISTINCT scheduled_for), (MAX(scheduled_for) - MIN(scheduled_for)) / 2000 + 1 FROM ticks",
    )?;
    ensure!(
        runs == ticks,
        "found {runs} runs of {ticks} ticks, expected each once"
    );
    // A machine that stands still for two seconds misses a tick, and says so.
    ensure!(
        (span - ticks) as f64 <= left_out,
        "found {ticks} ticks of {span}, and only {left_out} of them counted as left out"
    );
    Ok(())
}

/// Waits until there were so many runs.
fn ticks(database: &Database<'_>, expected: i64) -> anyhow::Result<()> {
    let until = Instant::now() + SOON;
    loop {
        let runs = database.number(RUNS)?;
        if runs >= expected {
            return Ok(());
        }
        ensure!(
            Instant::now() < until,
            "found {runs} scheduled runs, expected {expected}"
        );
        thread::sleep(Duration::from_millis(200));
    }
}

fn runs(service: &crate::service::Service, outcome: &str) -> anyhow::Result<f64> {
    let labels = [("cron", "tick"), ("outcome", outcome)];
    Ok(Figures::of(service)?.sum("cron_runs_total", &labels))
}

/// Ticks that did not run, whoever should have run them.
fn left_out(service: &crate::service::Service) -> anyhow::Result<f64> {
    let outcomes = ["missed", "skipped_overlap", "skipped_store"];
    let counts = outcomes.map(|outcome| runs(service, outcome));
    counts.into_iter().sum()
}

const RUNS: &str = "SELECT COUNT(*) FROM ticks";
/// As many runs as it takes to see both instances try.
const TICKS: i64 = 6;
const ORDERS: i64 = 20;

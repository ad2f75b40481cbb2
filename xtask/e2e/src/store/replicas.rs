//! Two instances of a service on one database.

use anyhow::ensure;
use support::Cases;

use super::{Fixture, exposition::Exposition, order_counts::OrderCounts, orders};
use crate::service::Service;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("replicas: each tick and each job runs once", || {
        run(fixture)
    });
}

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("replicas")?;
    let mut first = database.serve(&[])?;
    let mut second = database.serve(&[])?;
    for _ in 0..ORDERS / 2 {
        orders::place(&first, orders::TELESCOPE)?;
        orders::place(&second, orders::TELESCOPE)?;
    }
    database.wait_for("scheduled runs", RUNS, TICKS)?;
    let counts = OrderCounts::when_settled(&database)?;
    ensure!(
        counts.orders == ORDERS && counts.done == ORDERS && counts.started_twice == 0,
        "found {counts:?}, expected {ORDERS} orders that are done, each charged once"
    );
    let elsewhere = runs(&first, "skipped_elsewhere")? + runs(&second, "skipped_elsewhere")?;
    ensure!(
        elsewhere > 0.0,
        "no instance has skipped a tick that the other ran, so the case shows nothing"
    );

    // The instance that ran the last tick stops, so that the other has to take over.
    let last = database.number(LAST)?;
    if last == i64::from(second.id()) {
        std::mem::swap(&mut first, &mut second);
    }
    let skipped_by_first = skipped(&first)?;
    first.stop()?;
    let so_far = database.number(RUNS)?;
    database.wait_for("scheduled runs", RUNS, so_far + 2)?;
    let skipped = skipped_by_first + skipped(&second)?;
    second.stop()?;

    // The schedule has a tick every 2000 ms.
    let [runs, ticks, span] = database.numbers(
        "SELECT COUNT(*), COUNT(DISTINCT scheduled_for), (MAX(scheduled_for) - MIN(scheduled_for)) / 2000 + 1 FROM ticks",
    )?;
    ensure!(
        runs == ticks,
        "found {runs} runs of {ticks} ticks, expected each once"
    );
    // If the machine stalls for two seconds, the service misses a tick and counts it.
    ensure!(
        (span - ticks) as f64 <= skipped,
        "found {ticks} of {span} ticks, but only {skipped} are counted as skipped"
    );
    Ok(())
}

fn runs(service: &Service, outcome: &str) -> anyhow::Result<f64> {
    let labels = [("cron", "tick"), ("outcome", outcome)];
    Ok(Exposition::scrape(service)?.sum("cron_runs_total", &labels))
}

/// The number of ticks that no replica ran.
fn skipped(service: &Service) -> anyhow::Result<f64> {
    let outcomes = ["missed", "skipped_overlap", "skipped_store"];
    let counts = outcomes.map(|outcome| runs(service, outcome));
    counts.into_iter().sum()
}

/// The process that ran the latest tick.
const LAST: &str = "SELECT process FROM ticks ORDER BY scheduled_for DESC LIMIT 1";
/// Counts the scheduled runs.
const RUNS: &str = "SELECT COUNT(*) FROM ticks";
/// The number of runs to wait for, enough for both instances to try.
const TICKS: i64 = 6;
const ORDERS: i64 = 20;

//! Two instances on one database: who runs what, by the account in their table.

use anyhow::ensure;
use support::Cases;

use super::{Parts, account::Account, figures::Figures, orders};
use crate::service::Service;

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
    database.wait_for("scheduled runs", RUNS, TICKS)?;
    let account = Account::settled(&database)?;
    ensure!(
        account.orders == ORDERS && account.done == ORDERS && account.begun_again == 0,
        "found {account:?}, expected {ORDERS} orders that are done, each charged once"
    );
    let elsewhere = runs(&first, "skipped_elsewhere")? + runs(&second, "skipped_elsewhere")?;
    ensure!(
        elsewhere > 0.0,
        "no instance has ever left a tick to the other, so nothing is shown"
    );

    // It is the one that was faster last time that goes, so that the other has something to take over.
    let last = database.number(LAST)?;
    if last == i64::from(second.id()) {
        std::mem::swap(&mut first, &mut second);
    }
    let left_by_first = left_out(&first)?;
    first.stop()?;
    let so_far = database.number(RUNS)?;
    database.wait_for("scheduled runs", RUNS, so_far + 2)?;
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

fn runs(service: &Service, outcome: &str) -> anyhow::Result<f64> {
    let labels = [("cron", "tick"), ("outcome", outcome)];
    Ok(Figures::of(service)?.sum("cron_runs_total", &labels))
}

/// Ticks that did not run on any replica.
fn left_out(service: &Service) -> anyhow::Result<f64> {
    let outcomes = ["missed", "skipped_overlap", "skipped_store"];
    let counts = outcomes.map(|outcome| runs(service, outcome));
    counts.into_iter().sum()
}

/// The process that ran last.
const LAST: &str = "SELECT process FROM ticks ORDER BY scheduled_for DESC LIMIT 1";
const RUNS: &str = "SELECT COUNT(*) FROM ticks";
/// As many runs as it takes to see both instances try.
const TICKS: i64 = 6;
const ORDERS: i64 = 20;

//! The attempts at a job that does not succeed at once: what is between two of them, and that they come to an end.

use anyhow::ensure;

use super::{Parts, SOON, account::Account, orders};
use crate::{http, test::Cases};

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    cases.check(
        "a service that stops waits for no job's next attempt, and the next process makes it",
        || stops_between_attempts(parts),
    );
    cases.check(
        "a job that kills its process ends as a dead letter, and the others are done",
        || dies_with_its_process(parts),
    );
}

fn stops_between_attempts(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("attempts")?;
    // A port that nobody listens on.
    let mut service = database.serve(&[("BANK_URL", "http://127.0.0.1:1")])?;
    let order = orders::place(&service, orders::TELESCOPE)?;
    database.wait_for("attempts that failed", FAILED, 2)?;
    service.stop()?;
    let log = service.log();
    let gave_up = log
        .iter()
        .find(|line| line.text("message").starts_with("giving up"));
    ensure!(gave_up.is_none(), "it waited for {order}: {gave_up:?}");

    let mut service = database.serve(&[])?;
    let account = Account::settled(&database)?;
    ensure!(
        account.done == 1,
        "found {account:?}, expected one order that is done"
    );
    service.stop()
}

/// As one that takes all memory.
fn dies_with_its_process(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("poison")?;
    let mut service = database.serve(&[])?;
    orders::place(&service, orders::FATAL)?;
    let status = service.wait(SOON)?;
    ensure!(
        !status.success(),
        "the job was to kill its process, which ended with {status}"
    );
    // A dead worker's jobs are found after a quarter of a minute; the proof doesn't wait for four of them.
    database.rows("UPDATE apalis.jobs SET attempts = max_attempts - 1")?;

    let mut service = database.serve(&[])?;
    orders::place(&service, orders::TELESCOPE)?;
    let account = Account::settled(&database)?;
    ensure!(
        account.dead == 1 && account.done == 1,
        "found {account:?}, expected one dead order and one that is done"
    );
    let page = http::get(&service.metrics_url())?.body;
    let dead = "worker_tasks_total{error_type=\"orphaned\",kind=\"charge\",outcome=\"dead\",queue=\"charges\"} 1\n";
    ensure!(page.contains(dead), "{dead:?} is not on the metrics page");
    service.stop()
}

const FAILED: &str = "SELECT COALESCE(MAX(attempts), 0) FROM apalis.jobs WHERE status = 'Failed'";

//! Kills the service between the insert of an order and the insert of its job.
//!
//! A lock on the table of jobs stops the service between the two inserts.

use anyhow::ensure;
use support::Cases;

use super::{Fixture, clients, order_counts::OrderCounts, orders};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("kill: neither order nor job without a commit", || {
        run(fixture)
    });
}

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("halfway")?;
    let service = database.serve(&[])?;
    let mut session = database.session()?;
    session.type_in("BEGIN; LOCK TABLE apalis.jobs IN SHARE MODE;\n")?;
    database.wait_for("locks on the table of jobs", LOCKED, 1)?;

    let key = [("idempotency-key", "halfway")];
    let client = |_| Ok(orders::send(&service, orders::TELESCOPE, &key));
    let (answers, ()) = clients::run_while(1, client, || {
        database.wait_for("inserts of jobs that wait for the lock", ENQUEUEING, 1)?;
        service.kill()
    })?;
    ensure!(
        answers.iter().all(Result::is_err),
        "found an answer to an order whose job was not stored: {answers:?}"
    );
    drop(service);
    session.close_stdin();
    // The transaction of the killed process ends once the lock is released.
    database.wait_until_unused()?;
    let counts = OrderCounts::read(&database)?;
    ensure!(
        counts.orders == 0,
        "found {counts:?}, expected no order without its job"
    );

    let mut service = database.serve(&[])?;
    orders::accepted(&orders::send(&service, orders::TELESCOPE, &key)?)?;
    let counts = OrderCounts::when_settled(&database)?;
    ensure!(
        counts.orders == 1 && counts.done == 1,
        "found {counts:?}, expected one order that is done"
    );
    service.stop()
}

const LOCKED: &str = "
    SELECT COUNT(*) FROM pg_locks
    WHERE relation = 'apalis.jobs'::REGCLASS AND mode = 'ShareLock' AND granted";
const ENQUEUEING: &str = "
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE query LIKE 'INSERT INTO apalis.jobs%' AND wait_event_type = 'Lock'";

//! The service is killed between the order and its job. A lock on the table of jobs keeps it there for as long as it takes.

use anyhow::ensure;
use support::Cases;

use super::{Parts, account::Account, clients, orders};

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    cases.check(
        "after a kill between an order and its job neither is there, and the client's second try makes both",
        || run(parts),
    );
}

fn run(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("halfway")?;
    let service = database.serve(&[])?;
    let mut session = database.session()?;
    session.type_in("BEGIN; LOCK TABLE apalis.jobs IN SHARE MODE;\n")?;
    database.wait_for("locks on the table of jobs", LOCKED, 1)?;

    let key = [("idempotency-key", "halfway")];
    let client = |_| Ok(orders::send(&service, orders::TELESCOPE, &key));
    let (answers, ()) = clients::at_once_while(1, client, || {
        database.wait_for("jobs on their way into the table", ENQUEUEING, 1)?;
        service.kill()
    })?;
    ensure!(
        answers.iter().all(Result::is_err),
        "an order was answered whose job could not be stored: {answers:?}"
    );
    drop(service);
    session.close_stdin();
    // What the killed process had begun ends once the lock is gone.
    database.wait_until_left()?;
    let account = Account::of(&database)?;
    ensure!(
        account.orders == 0,
        "found {account:?}, expected no order without its job"
    );

    let mut service = database.serve(&[])?;
    orders::accepted(&orders::send(&service, orders::TELESCOPE, &key)?)?;
    let account = Account::settled(&database)?;
    ensure!(
        account.orders == 1 && account.done == 1,
        "found {account:?}, expected one order that is done"
    );
    service.stop()
}

const LOCKED: &str = "
    SELECT COUNT(*) FROM pg_locks
    WHERE relation = 'apalis.jobs'::REGCLASS AND mode = 'ShareLock' AND granted";
const ENQUEUEING: &str = "
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE query LIKE 'INSERT INTO apalis.jobs%' AND wait_event_type = 'Lock'";

//! The attempts at a job that does not succeed at once: what is between two of them, and that they come to an end.

use anyhow::ensure;
use support::{Cases, http};

use super::{Parts, SOON, account::Account, empty_database::Database, orders};

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    cases.check(
        "each attempt that fails postpones the next in the job's row, longer every time and not all alike; a service that stops waits for none of them, and the next process makes it",
        || stops_between_attempts(parts),
    );
    cases.check(
        "a job that kills its process ends as a dead letter, and the others are done",
        || dies_with_its_process(parts),
    );
}

fn stops_between_attempts(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("attempts")?;
    // A port without a listener.
    let mut service = database.serve(&[("BANK_URL", "http://127.0.0.1:1")])?;
    database.rows(NOTE_PAUSES)?;
    for _ in 0..ORDERS {
        orders::place(&service, orders::TELESCOPE)?;
    }
    database.wait_for("jobs with two attempts that failed", FAILED_TWICE, ORDERS)?;
    service.stop()?;
    for complaint in ["giving up", "a job is tried again at once"] {
        let log = service.log();
        let line = (log.iter()).find(|line| line.text("message").starts_with(complaint));
        ensure!(line.is_none(), "found {line:?}, expected no such line");
    }
    let [first, second] = [pauses(&database, 1)?, pauses(&database, 2)?];
    // A second and two, half of it either way, in a row that has whole seconds.
    for (pauses, least, most) in [(&first, 1, 2), (&second, 2, 3)] {
        let expected = least..=most;
        ensure!(
            pauses.iter().all(|pause| expected.contains(pause)),
            "found pauses of {pauses:?} s, expected {expected:?}"
        );
    }
    ensure!(
        second.iter().sum::<i64>() > first.iter().sum::<i64>(),
        "found pauses of {second:?} s after those of {first:?} s, expected longer ones"
    );
    // One of them alone may be alike by chance, once in some thousand times.
    let alike = |pauses: &[i64]| pauses.windows(2).all(|pair| pair.first() == pair.last());
    ensure!(
        !alike(&first) || !alike(&second),
        "what failed together is tried together: {first:?} s, {second:?} s"
    );
    let early = database.number(EARLY)?;
    ensure!(early == 0, "{early} attempts were made before their time");

    let mut service = database.serve(&[])?;
    let account = Account::settled(&database)?;
    ensure!(
        account.done == ORDERS,
        "found {account:?}, expected {ORDERS} orders that are done"
    );
    service.stop()
}

/// In seconds, of every job after the attempt with this number.
fn pauses(database: &Database<'_>, attempt: i64) -> anyhow::Result<Vec<i64>> {
    let rows = database.rows(&format!(
        "SELECT seconds FROM pauses WHERE attempt = {attempt}"
    ))?;
    let pauses = rows.iter().flatten().map(|pause| pause.parse());
    let pauses: Vec<i64> = pauses.collect::<Result<_, _>>()?;
    ensure!(
        i64::try_from(pauses.len())? == ORDERS,
        "found {pauses:?} after attempt {attempt}, expected one for each of {ORDERS} jobs"
    );
    Ok(pauses)
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
    // A dead worker's jobs are found after a quarter of a minute; the test doesn't wait for four of them.
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
    ensure!(page.contains(dead), "{dead:?} is not in the exposition");
    service.stop()
}

/// Enough for their pauses to differ.
const ORDERS: i64 = 12;
/// Every later time that a row is given, and every start of an attempt: the row alone does not tell when it was written.
const NOTE_PAUSES: &str = "
    CREATE TABLE pauses (job TEXT NOT NULL, attempt BIGINT NOT NULL, seconds BIGINT NOT NULL);
    CREATE TABLE starts (job TEXT NOT NULL, early BOOLEAN NOT NULL);
    CREATE FUNCTION note_pause() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO pauses
        SELECT NEW.id, 1 + COUNT(*), EXTRACT(EPOCH FROM NEW.run_at - now()) FROM pauses WHERE job = NEW.id;
        RETURN NEW;
    END $$;
    CREATE FUNCTION note_start() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO starts VALUES (NEW.id, NEW.lock_at < NEW.run_at);
        RETURN NEW;
    END $$;
    CREATE TRIGGER pause AFTER UPDATE OF run_at ON apalis.jobs FOR EACH ROW EXECUTE FUNCTION note_pause();
    CREATE TRIGGER start AFTER UPDATE OF lock_at ON apalis.jobs FOR EACH ROW EXECUTE FUNCTION note_start();";
const FAILED_TWICE: &str =
    "SELECT COUNT(*) FROM apalis.jobs WHERE attempts >= 2 AND status = 'Failed'";
const EARLY: &str = "SELECT COUNT(*) FILTER (WHERE early) FROM starts";

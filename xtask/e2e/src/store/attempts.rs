//! Retries of jobs: the pauses between attempts, and the last attempt.

use anyhow::ensure;
use support::{Cases, http};

use super::{DEADLINE, Fixture, order_counts::OrderCounts, orders, test_database::Database};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check(
        "attempts: pauses grow, differ, and survive a restart",
        || stops_between_attempts(fixture),
    );
    cases.check(
        "attempts: a job that kills its process is dead-lettered",
        || kills_its_process(fixture),
    );
}

fn stops_between_attempts(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("attempts")?;
    // No program listens on this port, so every charge fails.
    let mut service = database.serve(&[("BANK_URL", "http://127.0.0.1:1")])?;
    database.rows(RECORD_PAUSES)?;
    for _ in 0..ORDERS {
        orders::place(&service, orders::TELESCOPE)?;
    }
    database.wait_for("jobs with two attempts that failed", FAILED_TWICE, ORDERS)?;
    service.stop()?;
    for message in ["giving up", "the next attempt may come at once"] {
        let log = service.log();
        let line = (log.iter()).find(|line| line.text("message").starts_with(message));
        ensure!(line.is_none(), "found {line:?}, expected no such line");
    }
    let [first, second] = [pauses(&database, 1)?, pauses(&database, 2)?];
    // The delays are 1 s and 2 s with jitter of ± 50 %, in a column of whole seconds.
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
    // The pauses of one list are all equal by chance about once in some thousand runs, so both lists are checked.
    let alike = |pauses: &[i64]| pauses.windows(2).all(|pair| pair.first() == pair.last());
    ensure!(
        !alike(&first) || !alike(&second),
        "jobs that failed together are retried together: {first:?} s, {second:?} s"
    );
    let early = database.number(EARLY)?;
    ensure!(early == 0, "{early} attempts started too early");

    let mut service = database.serve(&[])?;
    let counts = OrderCounts::when_settled(&database)?;
    ensure!(
        counts.done == ORDERS,
        "found {counts:?}, expected {ORDERS} orders that are done"
    );
    service.stop()
}

/// The pauses in seconds of all jobs after the attempt with this number.
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

/// Checks a job that aborts its process, like one that uses up all memory.
fn kills_its_process(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("poison")?;
    let mut service = database.serve(&[])?;
    orders::place(&service, orders::FATAL)?;
    let status = service.wait(DEADLINE)?;
    ensure!(
        !status.success(),
        "expected the job to kill its process, found {status}"
    );
    // Jobs of a dead worker are found after 15 s. To save time, the killed attempt counts as the
    // last one.
    database.rows("UPDATE apalis.jobs SET attempts = max_attempts - 1")?;

    let mut service = database.serve(&[])?;
    orders::place(&service, orders::TELESCOPE)?;
    let counts = OrderCounts::when_settled(&database)?;
    ensure!(
        counts.dead_lettered == 1 && counts.done == 1,
        "found {counts:?}, expected one dead-lettered order and one that is done"
    );
    let exposition = http::get(&service.metrics_url())?.body;
    let dead = "worker_tasks_total{error_type=\"orphaned\",kind=\"charge\",outcome=\"dead_lettered\",queue=\"charges\"} 1\n";
    ensure!(
        exposition.contains(dead),
        "{dead:?} is not in the exposition"
    );
    service.stop()
}

/// The number of orders, enough for their pauses to differ.
const ORDERS: i64 = 12;
/// Triggers that record changes of a job's due time and starts of attempts.
///
/// A row of a job does not tell when it was written.
const RECORD_PAUSES: &str = "
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
/// Counts the jobs with two failed attempts.
const FAILED_TWICE: &str =
    "SELECT COUNT(*) FROM apalis.jobs WHERE attempts >= 2 AND status = 'Failed'";
/// Counts the attempts that started before their job was due.
const EARLY: &str = "SELECT COUNT(*) FILTER (WHERE early) FROM starts";

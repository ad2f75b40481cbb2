//! Kills of the service during jobs, and between commit and answer.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use support::Cases;

use super::{
    DEADLINE, Fixture, clients,
    order_counts::{self, OrderCounts},
    orders,
};
use crate::service::Service;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("kill: running jobs run again, paid once", || {
        during_jobs(fixture)
    });
    cases.check(
        "kill: an unrecorded success runs again without a payment",
        || before_success_is_recorded(fixture),
    );
    cases.check("kill: orders without an answer have one job each", || {
        between_commit_and_answer(fixture)
    });
}

/// Jobs that run at the kill are started again, and each payment is taken once.
///
/// Every accepted order ends done or dead-lettered. The bank is called again only for charges that were interrupted, with
/// the same key.
fn during_jobs(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("killed")?;
    let service = database.serve(&[])?;
    let mut items = vec![orders::TELESCOPE; 10];
    items.extend([orders::DECLINED; 2]);
    // Alternating, so that charges of both items run at the same time.
    items.extend([orders::SLOW, orders::UNANSWERED].repeat(4));
    let mut accepted = Vec::new();
    for item in items {
        accepted.push(orders::place(&service, item)?);
    }
    database.wait_for("pairs of running jobs", BOTH, 1)?;
    service.kill()?;
    drop(service);
    database.wait_until_unused()?;
    let [unpaid, unrecorded] = [database.number(UNPAID)?, database.number(UNRECORDED)?];
    ensure!(
        unpaid > 0 && unrecorded > 0,
        "at the kill, {unpaid} jobs had not called the bank, and {unrecorded} did not have its answer; expected some of each"
    );

    let mut service = database.serve(&[])?;
    order_counts::check_stored(&database, &accepted)?;
    let counts = OrderCounts::when_settled(&database)?;
    ensure!(
        counts.orders == 20 && counts.dead_lettered == 2 && counts.done == 18,
        "found {counts:?}, expected 20 orders, of which the 2 that the bank declines are dead-lettered"
    );
    ensure!(
        counts.started_twice == unpaid + unrecorded,
        "found {counts:?}, expected {unpaid} and {unrecorded} charges that were started again"
    );
    // Because of the repeated key, the bank did not take the money twice: see `OrderCounts::when_settled`.
    ensure!(
        counts.bank_called_twice == unrecorded,
        "found {counts:?}, expected a second call to the bank for {unrecorded} orders"
    );
    service.stop()
}

/// A job whose success was not recorded runs again, without a payment.
///
/// A process ends between the update of the order and that of the job only by chance, so the case puts the job's row into
/// that state.
fn before_success_is_recorded(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("unrecorded")?;
    let mut service = database.serve(&[])?;
    for _ in 0..ORDERS {
        orders::place(&service, orders::TELESCOPE)?;
    }
    let first = OrderCounts::when_settled(&database)?;
    ensure!(
        first.orders == ORDERS && first.started_twice == 0,
        "found {first:?}, expected {ORDERS} orders, charged once each"
    );
    database.rows(RESET)?;
    database.wait_for("jobs that ran again", RAN_AGAIN, ORDERS)?;
    let again = OrderCounts::when_settled(&database)?;
    ensure!(
        again == first,
        "found {again:?} after the jobs ran again, expected {first:?} as before"
    );
    service.stop()
}

/// Each stored order has one job, and a repeated key returns the same order.
fn between_commit_and_answer(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("burst")?;
    let service = database.serve(&[])?;
    let answered = AtomicUsize::new(0);
    let client = |number: usize| {
        let mut sent = Vec::new();
        if number == 0 {
            // The order is stored, but its answer is held until the kill.
            let headers = [("idempotency-key", HELD), ("hold-answer", "yes")];
            let answer = orders::send(&service, orders::TELESCOPE, &headers);
            ensure!(answer.is_err(), "found a held answer: {answer:?}");
            sent.push((HELD.to_owned(), None));
            return Ok(sent);
        }
        for order in 0..MAX_ORDERS {
            let key = format!("client-{number}-order-{order}");
            let answer = orders::send(&service, orders::TELESCOPE, &[("idempotency-key", &key)]);
            let Ok(answer) = answer else {
                // The connection broke, so this client does not know whether its order is stored.
                sent.push((key, None));
                break;
            };
            sent.push((key, Some(orders::accepted(&answer)?)));
            answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(sent)
    };
    let (sent, ()) = clients::run_while(1 + CLIENTS, client, || {
        database.wait_for("orders whose answer is held", IS_HELD, 1)?;
        let until = Instant::now() + DEADLINE;
        while answered.load(Ordering::Relaxed) < BURST {
            ensure!(Instant::now() < until, "the orders are not answered");
            thread::sleep(Duration::from_millis(1));
        }
        service.kill()
    })?;
    drop(service);
    let sent: Vec<_> = sent.into_iter().flatten().collect();
    let unanswered = sent.iter().filter(|(_, id)| id.is_none()).count();
    ensure!(
        unanswered > 1,
        "all orders but the held one were answered before the kill"
    );
    let first = OrderCounts::read(&database)?;
    ensure!(
        first.without_single_job == 0,
        "found an order without its job: {first:?}"
    );
    let accepted: Vec<_> = sent.iter().filter_map(|(_, id)| *id).collect();
    order_counts::check_stored(&database, &accepted)?;

    // All requests are repeated, each twice at the same time.
    let mut service = database.serve(&[])?;
    let repeats = clients::run_concurrently(2, |_| {
        let repeats = sent.iter().map(|(key, _)| repeat(&service, key));
        repeats.collect::<anyhow::Result<Vec<_>>>()
    })?;
    for ids in &repeats {
        for ((key, id), again) in sent.iter().zip(ids) {
            ensure!(
                id.is_none_or(|id| id == *again),
                "the key {key} first returned order {id:?}, and then order {again}"
            );
        }
    }
    ensure!(
        repeats.windows(2).all(|pair| pair.first() == pair.last()),
        "concurrent requests returned different orders: {repeats:?}"
    );
    let counts = OrderCounts::when_settled(&database)?;
    let keys = i64::try_from(sent.len())?;
    ensure!(
        counts.orders == keys && counts.done == keys,
        "found {counts:?}, expected one order that is done for each of {keys} keys"
    );
    // Only running charges are started again. The idempotency keys keep all other charges from running twice.
    ensure!(
        counts.started_twice <= CONCURRENCY,
        "found {counts:?}, expected at most {CONCURRENCY} charges to be started again"
    );
    service.stop()
}

fn repeat(service: &Service, key: &str) -> anyhow::Result<i64> {
    let headers = [("idempotency-key", key)];
    orders::accepted(&orders::send(service, orders::TELESCOPE, &headers)?)
}

/// Charges that have started without a payment.
const UNPAID: &str = "
    SELECT COUNT(DISTINCT order_id) FROM attempts WHERE order_id NOT IN (SELECT order_id FROM payments)";
/// Orders with a payment that are not marked as charged.
const UNRECORDED: &str = "
    SELECT COUNT(*) FROM orders WHERE NOT charged AND id IN (SELECT order_id FROM payments)";
/// Counts pairs of running charges: one without a payment, and one with a payment.
const BOTH: &str = "
    SELECT LEAST(
        COUNT(*) FILTER (WHERE item = 'slow' AND NOT paid), COUNT(*) FILTER (WHERE item = 'unanswered' AND paid)
    )
    FROM (
        SELECT item, id IN (SELECT order_id FROM payments) AS paid FROM orders
        WHERE NOT charged AND id IN (SELECT order_id FROM attempts)
    ) AS begun";
const ORDERS: i64 = 5;
/// Makes jobs pending again. Their first attempt is still counted.
const RESET: &str = "
    UPDATE apalis.jobs SET status = 'Pending', done_at = NULL, lock_at = NULL, lock_by = NULL";
const RAN_AGAIN: &str = "SELECT COUNT(*) FROM apalis.jobs WHERE status = 'Done' AND attempts = 2";
/// The number of jobs of a queue that run at the same time, by default.
const CONCURRENCY: i64 = 4;
/// The idempotency key of the order whose answer is held.
const HELD: &str = "held";
const IS_HELD: &str = "SELECT COUNT(*) FROM orders WHERE idempotency_key = 'held'";
const CLIENTS: usize = 4;
/// The number of answers after which the process is killed.
const BURST: usize = 40;
/// Maximum number of orders that a client sends.
const MAX_ORDERS: usize = 500;

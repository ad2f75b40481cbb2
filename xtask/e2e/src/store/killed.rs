//! The service is killed: in mid-job, and between save and answer. What it had accepted is counted in the database.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use support::Cases;

use super::{
    Parts, SOON,
    account::{self, Account},
    clients, orders,
};
use crate::service::Service;

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    cases.check(
        "after a kill in mid-job every accepted order ends done or dead; the bank is asked again with the same key, and only for charges in their middle, and takes the money of each order that is done once",
        || in_mid_job(parts),
    );
    cases.check(
        "a job whose end the queue has not noted runs again, and asks the bank nothing about an order that is done",
        || before_the_queue_knows(parts),
    );
    cases.check(
        "after a kill between save and answer every order has one job, and a repeated key is the same order",
        || between_save_and_answer(parts),
    );
}

fn in_mid_job(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("killed")?;
    let service = database.serve(&[])?;
    let mut items = vec![orders::TELESCOPE; 10];
    items.extend([orders::DECLINED; 2]);
    // In turn, so that jobs of both kinds are in their middle at the same time.
    items.extend([orders::SLOW, orders::UNANSWERED].repeat(4));
    let mut accepted = Vec::new();
    for item in items {
        accepted.push(orders::place(&service, item)?);
    }
    database.wait_for("pairs of jobs in their middle", BOTH, 1)?;
    service.kill()?;
    drop(service);
    database.wait_until_left()?;
    let [unpaid, unnoted] = [database.number(UNPAID)?, database.number(UNNOTED)?];
    ensure!(
        unpaid > 0 && unnoted > 0,
        "when the process was killed, {unpaid} jobs had not asked the bank yet, and {unnoted} did not know its answer; expected some of each"
    );

    let mut service = database.serve(&[])?;
    account::holds_all(&database, &accepted)?;
    let account = Account::settled(&database)?;
    ensure!(
        account.orders == 20 && account.dead == 2 && account.done == 18,
        "found {account:?}, expected 20 orders, 2 of them dead, because the bank declines"
    );
    ensure!(
        account.begun_again == unpaid + unnoted,
        "found {account:?}, expected {unpaid} and {unnoted} charges that began once more"
    );
    // Only their repeated key has kept the bank from taking the money twice: see `Account::settled`.
    ensure!(
        account.asked_again == unnoted,
        "found {account:?}, expected the bank to be asked again for {unnoted} orders"
    );
    service.stop()
}

/// Between the order's note that it is done and the queue's, a process can only die by chance: the row is put into the state
/// in which it would be found.
fn before_the_queue_knows(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("unnoted")?;
    let mut service = database.serve(&[])?;
    for _ in 0..ORDERS {
        orders::place(&service, orders::TELESCOPE)?;
    }
    let first = Account::settled(&database)?;
    ensure!(
        first.orders == ORDERS && first.begun_again == 0,
        "found {first:?}, expected {ORDERS} orders, charged once each"
    );
    database.rows(FORGET)?;
    database.wait_for("jobs that ran again", RAN_AGAIN, ORDERS)?;
    let again = Account::settled(&database)?;
    ensure!(
        again == first,
        "found {again:?} after the jobs ran again, expected {first:?} as before"
    );
    service.stop()
}

fn between_save_and_answer(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("burst")?;
    let service = database.serve(&[])?;
    let answered = AtomicUsize::new(0);
    let client = |number: usize| {
        let mut sent = Vec::new();
        if number == 0 {
            // It is saved, and this client is never told.
            let headers = [("idempotency-key", HELD), ("hold-answer", "yes")];
            let answer = orders::send(&service, orders::TELESCOPE, &headers);
            ensure!(answer.is_err(), "an answer that was held came: {answer:?}");
            sent.push((HELD.to_owned(), None));
            return Ok(sent);
        }
        for order in 0..MOST {
            let key = format!("client-{number}-order-{order}");
            let answer = orders::send(&service, orders::TELESCOPE, &[("idempotency-key", &key)]);
            let Ok(answer) = answer else {
                // The connection broke: this client does not know whether its order is there.
                sent.push((key, None));
                break;
            };
            sent.push((key, Some(orders::accepted(&answer)?)));
            answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(sent)
    };
    let (sent, ()) = clients::at_once_while(1 + CLIENTS, client, || {
        database.wait_for("orders whose answer is held", IS_HELD, 1)?;
        let until = Instant::now() + SOON;
        while answered.load(Ordering::Relaxed) < BURST {
            ensure!(Instant::now() < until, "the orders are not answered");
            thread::sleep(Duration::from_millis(1));
        }
        service.kill()
    })?;
    drop(service);
    let sent: Vec<_> = sent.into_iter().flatten().collect();
    let untold = sent.iter().filter(|(_, id)| id.is_none()).count();
    ensure!(
        untold > 1,
        "all orders but the held one were answered before the kill"
    );
    let first = Account::of(&database)?;
    ensure!(
        first.not_one_job == 0,
        "an order without its job: {first:?}"
    );
    let accepted: Vec<_> = sent.iter().filter_map(|(_, id)| *id).collect();
    account::holds_all(&database, &accepted)?;

    // Clients without an answer ask again, and so do those with one; each of them twice at the same time.
    let mut service = database.serve(&[])?;
    let repeats = clients::at_once(2, |_| {
        let repeats = sent.iter().map(|(key, _)| repeat(&service, key));
        repeats.collect::<anyhow::Result<Vec<_>>>()
    })?;
    for ids in &repeats {
        for ((key, id), again) in sent.iter().zip(ids) {
            ensure!(
                id.is_none_or(|id| id == *again),
                "the key {key} was order {id:?}, and is now order {again}"
            );
        }
    }
    ensure!(
        repeats.windows(2).all(|pair| pair.first() == pair.last()),
        "two that asked at the same time were told of different orders: {repeats:?}"
    );
    let account = Account::settled(&database)?;
    let keys = i64::try_from(sent.len())?;
    ensure!(
        account.orders == keys && account.done == keys,
        "found {account:?}, expected one order that is done for each of {keys} keys"
    );
    // Those that were in their middle; for everything else, its key was reason enough not to run twice.
    ensure!(
        account.begun_again <= CONCURRENCY,
        "found {account:?}, expected no charge to begin again but the {CONCURRENCY} at most that were killed"
    );
    service.stop()
}

fn repeat(service: &Service, key: &str) -> anyhow::Result<i64> {
    let headers = [("idempotency-key", key)];
    orders::accepted(&orders::send(service, orders::TELESCOPE, &headers)?)
}

/// Charges that have begun, and of which the bank knows nothing yet.
const UNPAID: &str = "
    SELECT COUNT(DISTINCT order_id) FROM attempts WHERE order_id NOT IN (SELECT order_id FROM payments)";
/// Charges that the bank has taken, and the shop does not know it.
const UNNOTED: &str = "
    SELECT COUNT(*) FROM orders WHERE NOT charged AND id IN (SELECT order_id FROM payments)";
/// Of both the lesser number, and of those only that stay in their middle for a while.
const BOTH: &str = "
    SELECT LEAST(
        COUNT(*) FILTER (WHERE item = 'slow' AND NOT paid), COUNT(*) FILTER (WHERE item = 'unanswered' AND paid)
    )
    FROM (
        SELECT item, id IN (SELECT order_id FROM payments) AS paid FROM orders
        WHERE NOT charged AND id IN (SELECT order_id FROM attempts)
    ) AS begun";
const ORDERS: i64 = 5;
/// The attempt counts from then on, so the next one is the second.
const FORGET: &str = "
    UPDATE apalis.jobs SET status = 'Pending', done_at = NULL, lock_at = NULL, lock_by = NULL";
const RAN_AGAIN: &str = "SELECT COUNT(*) FROM apalis.jobs WHERE status = 'Done' AND attempts = 2";
/// As many jobs as `src/jobs.rs` runs at the same time.
const CONCURRENCY: i64 = 4;
const HELD: &str = "held";
const IS_HELD: &str = "SELECT COUNT(*) FROM orders WHERE idempotency_key = 'held'";
const CLIENTS: usize = 4;
/// What the process is killed after.
const BURST: usize = 40;
/// What a client sends unless it is stopped.
const MOST: usize = 500;

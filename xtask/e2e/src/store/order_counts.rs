//! Counts of orders, jobs and payments in the database.

use std::{collections::BTreeSet, thread, time::Duration, time::Instant};

use anyhow::{Context as _, bail, ensure};

use super::{DEADLINE, test_database::Database};

/// Counts of orders by outcome, and of their jobs and payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OrderCounts {
    pub(super) orders: i64,
    /// Orders that are charged.
    pub(super) done: i64,
    /// Orders that are not charged and whose job is a dead letter.
    pub(super) dead_lettered: i64,
    /// Orders with no job or more than one.
    pub(super) without_single_job: i64,
    /// Jobs that are not finished.
    open_jobs: i64,
    /// Payments that the bank has taken.
    paid: i64,
    /// Orders with more than one payment.
    paid_twice: i64,
    /// Orders for which the bank was called more than once.
    pub(super) bank_called_twice: i64,
    /// Calls to the bank for orders that were already done.
    called_when_done: i64,
    /// Orders whose charge was started more than once.
    pub(super) started_twice: i64,
}

/// Queries the counts in the order of the fields of [`OrderCounts`].
const COUNT: &str = "
    SELECT COUNT(*), COUNT(*) FILTER (WHERE charged), COUNT(*) FILTER (WHERE dead_lettered AND NOT charged),
        COUNT(*) FILTER (WHERE jobs IS DISTINCT FROM 1), COALESCE(SUM(open), 0)::BIGINT,
        COALESCE(SUM(paid), 0)::BIGINT, COUNT(*) FILTER (WHERE paid > 1),
        COUNT(*) FILTER (WHERE asked > 1), COALESCE(SUM(called_when_done), 0)::BIGINT,
        COUNT(*) FILTER (WHERE begun > 1)
    FROM orders
    LEFT JOIN (
        SELECT idempotency_key AS key, COUNT(*) AS jobs, BOOL_OR(status = 'Killed' OR spent) AS dead_lettered,
            COUNT(*) FILTER (WHERE status NOT IN ('Done', 'Killed') AND NOT spent) AS open
        FROM (SELECT *, status = 'Failed' AND attempts >= max_attempts AS spent FROM apalis.jobs) AS job
        WHERE job_type = 'charges' GROUP BY idempotency_key
    ) AS job ON job.key = orders.id::TEXT
    LEFT JOIN (SELECT order_id, COUNT(*) AS paid FROM payments GROUP BY order_id) AS payment
        ON payment.order_id = orders.id
    LEFT JOIN (
        SELECT key, COUNT(*) AS asked, COUNT(*) FILTER (WHERE order_is_done) AS called_when_done
        FROM bank_calls GROUP BY key
    ) AS call ON call.key = orders.id
    LEFT JOIN (SELECT order_id, COUNT(*) AS begun FROM attempts GROUP BY order_id) AS attempt
        ON attempt.order_id = orders.id";

impl OrderCounts {
    /// Counts the rows of the database.
    pub(super) fn read(database: &Database<'_>) -> anyhow::Result<Self> {
        let counts = database.numbers(COUNT)?;
        let [
            orders,
            done,
            dead_lettered,
            without_single_job,
            open_jobs,
            paid,
            paid_twice,
            bank_called_twice,
            called_when_done,
            started_twice,
        ] = counts;
        Ok(Self {
            orders,
            done,
            dead_lettered,
            without_single_job,
            open_jobs,
            paid,
            paid_twice,
            bank_called_twice,
            called_when_done,
            started_twice,
        })
    }

    /// Waits until every order is done or dead-lettered and no job is open.
    ///
    /// # Errors
    ///
    /// If that takes more than a minute, an order does not have exactly one job, an order that is done does not have exactly
    /// one payment, or the bank was called for an order that was done.
    pub(super) fn when_settled(database: &Database<'_>) -> anyhow::Result<Self> {
        let until = Instant::now() + DEADLINE;
        let counts = loop {
            let counts = Self::read(database)?;
            if counts.done + counts.dead_lettered == counts.orders && counts.open_jobs == 0 {
                break counts;
            }
            if Instant::now() > until {
                let jobs = database.rows("SELECT status, attempts, lock_by, run_at - now(), COUNT(*) FROM apalis.jobs GROUP BY 1, 2, 3, 4")?;
                bail!("orders are neither done nor dead-lettered: {counts:?}; jobs: {jobs:?}");
            }
            thread::sleep(Duration::from_millis(250));
        };
        ensure!(
            counts.without_single_job == 0,
            "found orders with no job or several: {counts:?}"
        );
        ensure!(
            counts.paid == counts.done && counts.paid_twice == 0,
            "expected exactly one payment for each order that is done: {counts:?}"
        );
        ensure!(
            counts.called_when_done == 0,
            "the bank was called for an order that was done: {counts:?}"
        );
        Ok(counts)
    }
}

/// Checks that all orders with these ids are in the table.
pub(super) fn check_stored(database: &Database<'_>, accepted: &[i64]) -> anyhow::Result<()> {
    let ids = database.rows("SELECT id FROM orders")?;
    let ids: BTreeSet<i64> = ids
        .iter()
        .flatten()
        .map(|id| id.parse().context("an id that is not a number"))
        .collect::<Result<_, _>>()?;
    let lost: Vec<_> = accepted.iter().filter(|id| !ids.contains(id)).collect();
    ensure!(
        lost.is_empty(),
        "accepted orders are missing in the database: {lost:?}"
    );
    Ok(())
}

//! What became of the orders, counted in the database.

use std::{collections::BTreeSet, thread, time::Duration, time::Instant};

use anyhow::{Context as _, bail, ensure};

use super::{SOON, empty_database::Database};

/// All orders, by their outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) orders: i64,
    pub(super) done: i64,
    pub(super) dead: i64,
    /// Orders that have no job, or more than one.
    pub(super) not_one_job: i64,
    /// Jobs that have not come to their end.
    open_jobs: i64,
    /// How often the bank has taken money.
    paid: i64,
    /// Orders for which it has taken money more than once.
    paid_again: i64,
    /// Orders for which the bank was asked more than once.
    pub(super) asked_again: i64,
    /// Calls to the bank for an order that was noted as done already.
    asked_when_done: i64,
    /// Orders whose charge began more than once.
    pub(super) begun_again: i64,
}

const COUNT: &str = "
    SELECT COUNT(*), COUNT(*) FILTER (WHERE charged), COUNT(*) FILTER (WHERE dead AND NOT charged),
        COUNT(*) FILTER (WHERE jobs IS DISTINCT FROM 1), COALESCE(SUM(open), 0)::BIGINT,
        COALESCE(SUM(paid), 0)::BIGINT, COUNT(*) FILTER (WHERE paid > 1),
        COUNT(*) FILTER (WHERE asked > 1), COALESCE(SUM(asked_when_done), 0)::BIGINT,
        COUNT(*) FILTER (WHERE begun > 1)
    FROM orders
    LEFT JOIN (
        SELECT idempotency_key AS key, COUNT(*) AS jobs, BOOL_OR(status = 'Killed' OR spent) AS dead,
            COUNT(*) FILTER (WHERE status NOT IN ('Done', 'Killed') AND NOT spent) AS open
        FROM (SELECT *, status = 'Failed' AND attempts >= max_attempts AS spent FROM apalis.jobs) AS job
        WHERE job_type = 'charges' GROUP BY idempotency_key
    ) AS job ON job.key = orders.id::TEXT
    LEFT JOIN (SELECT order_id, COUNT(*) AS paid FROM payments GROUP BY order_id) AS payment
        ON payment.order_id = orders.id
    LEFT JOIN (
        SELECT key, COUNT(*) AS asked, COUNT(*) FILTER (WHERE order_is_done) AS asked_when_done
        FROM bank_calls GROUP BY key
    ) AS call ON call.key = orders.id
    LEFT JOIN (SELECT order_id, COUNT(*) AS begun FROM attempts GROUP BY order_id) AS attempt
        ON attempt.order_id = orders.id";

impl Account {
    pub(super) fn of(database: &Database<'_>) -> anyhow::Result<Self> {
        let counts = database.numbers(COUNT)?;
        let [
            orders,
            done,
            dead,
            not_one_job,
            open_jobs,
            paid,
            paid_again,
            asked_again,
            asked_when_done,
            begun_again,
        ] = counts;
        Ok(Self {
            orders,
            done,
            dead,
            not_one_job,
            open_jobs,
            paid,
            paid_again,
            asked_again,
            asked_when_done,
            begun_again,
        })
    }

    /// Waits until every order is done or dead, and no job is open; holds what is true of any such account against it.
    pub(super) fn settled(database: &Database<'_>) -> anyhow::Result<Self> {
        let until = Instant::now() + SOON;
        let account = loop {
            let account = Self::of(database)?;
            if account.done + account.dead == account.orders && account.open_jobs == 0 {
                break account;
            }
            if Instant::now() > until {
                let jobs = database.rows("SELECT status, attempts, lock_by, run_at - now(), COUNT(*) FROM apalis.jobs GROUP BY 1, 2, 3, 4")?;
                bail!("orders are neither done nor dead: {account:?}; jobs: {jobs:?}");
            }
            thread::sleep(Duration::from_millis(250));
        };
        ensure!(
            account.not_one_job == 0,
            "orders without a job of their own: {account:?}"
        );
        ensure!(
            account.paid == account.done && account.paid_again == 0,
            "the bank has not taken the money of those that are done, once each: {account:?}"
        );
        ensure!(
            account.asked_when_done == 0,
            "the bank was asked for the money of an order that was done: {account:?}"
        );
        Ok(account)
    }
}

/// Whatever a client was told to be accepted is in the table.
pub(super) fn holds_all(database: &Database<'_>, accepted: &[i64]) -> anyhow::Result<()> {
    let ids = database.rows("SELECT id FROM orders")?;
    let ids: BTreeSet<i64> = ids
        .iter()
        .flatten()
        .map(|id| id.parse().context("an id that is no number"))
        .collect::<Result<_, _>>()?;
    let lost: Vec<_> = accepted.iter().filter(|id| !ids.contains(id)).collect();
    ensure!(
        lost.is_empty(),
        "orders that were accepted are not in the database: {lost:?}"
    );
    Ok(())
}

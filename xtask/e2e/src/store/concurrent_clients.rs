//! The example under load: its budgets hold, by counts.

use anyhow::ensure;
use support::{Cases, http};

use super::{Parts, account::Account, clients, figures::Figures, orders, symptoms::Symptom};
use crate::service::Service;

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    cases.check(
        "under load no request fails, no call waits in vain, no query repeats itself, and the queue stays within its budget",
        || run(parts),
    );
}

fn run(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("busy")?;
    let mut service = database.serve(&[])?;
    let client = |_| {
        for _ in 0..ORDERS {
            let id = orders::place(&service, orders::TELESCOPE)?;
            for path in [format!("/orders/{id}"), "/orders/stats".to_owned()] {
                let answer = http::get(&service.url(&path))?;
                ensure!(answer.status == 200, "GET {path}: {answer:?}");
            }
        }
        Ok(())
    };
    clients::at_once(CLIENTS, client)?;
    let account = Account::settled(&database)?;
    let orders = i64::try_from(CLIENTS * ORDERS)?;
    ensure!(
        account.orders == orders && account.done == orders && account.begun_again == 0,
        "found {account:?}, expected {orders} orders that are done, each charged once"
    );

    let figures = drained(&service)?;
    ensure!(
        figures.sum("worker_tasks_total", &[("outcome", "ok")]) == orders as f64
            && figures.sum("worker_tasks_total", &[]) == orders as f64,
        "found other outcomes of jobs than {orders} times ok"
    );
    let requests = figures.sum("http_server_request_duration_seconds_count", &[]);
    ensure!(
        requests == (3 * orders) as f64,
        "found {requests} requests in the exposition, expected {}",
        3 * orders
    );
    for symptom in [Symptom::TimeOut, Symptom::Broken] {
        let count = symptom.count(&figures);
        ensure!(
            count == 0.0,
            "found {symptom:?} {count} times, expected never"
        );
    }
    let repeated = figures.sum("sql_n_plus_one_total", &[]);
    ensure!(repeated == 0.0, "found {repeated} N+1, expected none");
    let placed = [("http_route", "/orders")];
    within(
        &figures,
        "sql_queries_per_request",
        &placed,
        QUERIES,
        orders,
    )?;
    // The wait of every job, not only of the oldest at the time of a look.
    within(&figures, "worker_task_wait_seconds", &[], BUDGET, orders)?;
    ensure!(
        figures.has("worker_queue_latency_budget_seconds", &[], BUDGET),
        "the queue's budget is another than {BUDGET} s"
    );
    service.stop()
}

/// A histogram has one measurement for each order, and none beyond the bound.
fn within(
    figures: &Figures,
    histogram: &str,
    labels: &[(&str, &str)],
    bound: f64,
    orders: i64,
) -> anyhow::Result<()> {
    let all = figures.sum(&format!("{histogram}_count"), labels);
    let beyond = figures.above(histogram, labels, bound);
    ensure!(
        all == orders as f64 && beyond == 0.0,
        "{histogram}: found {all} measurements and {beyond} of them above {bound}, expected {orders} and none"
    );
    Ok(())
}

/// Once the exposition shows that the queue is empty. The service looks every quarter of a minute; what it saw before the orders
/// came, or while they did, is no news.
fn drained(service: &Service) -> anyhow::Result<Figures> {
    // The only statement that reads jobs and workers and changes neither.
    let is_look = |summary: &str| {
        let has = |word| summary.split(' ').any(|part| part == word);
        has("apalis.jobs") && has("apalis.workers") && !has("UPDATE")
    };
    let looks = |figures: &Figures| {
        figures.sum_where("db_client_operation_duration_seconds_count", |sample| {
            is_look(sample.label("db_query_summary"))
        })
    };
    let before = looks(&Figures::of(service)?);
    let waiting = ["ready", "scheduled", "running", "retry", "dead"];
    let figures = Figures::wait(service, "an empty queue", |figures| {
        let depth = |state| figures.has("worker_queue_depth", &[("status", state)], 0.0);
        looks(figures) > before && waiting.into_iter().all(depth)
    })?;
    let oldest = figures.sum("worker_queue_oldest_age_seconds", &[]);
    ensure!(
        oldest < BUDGET,
        "the oldest job is {oldest} s old, the budget is {BUDGET} s"
    );
    Ok(figures)
}

const CLIENTS: usize = 8;
/// Of each client; with each, two requests that read.
const ORDERS: usize = 30;
/// The order and its job, and what else a transaction needs.
const QUERIES: f64 = 5.0;
/// What `src/jobs.rs` declares, in seconds.
const BUDGET: f64 = 60.0;

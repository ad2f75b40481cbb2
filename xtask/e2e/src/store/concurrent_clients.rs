//! The example under load: no failures, timeouts, N+1 or long waits.

use anyhow::ensure;
use support::{Cases, http};

use super::{
    Fixture, clients, exposition::Exposition, order_counts::OrderCounts, orders, symptoms::Symptom,
};
use crate::service::Service;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("load: no failure, timeout, N+1 or late job", || {
        run(fixture)
    });
}

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("busy")?;
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
    clients::run_concurrently(CLIENTS, client)?;
    let counts = OrderCounts::when_settled(&database)?;
    let orders = i64::try_from(CLIENTS * ORDERS)?;
    ensure!(
        counts.orders == orders && counts.done == orders && counts.started_twice == 0,
        "found {counts:?}, expected {orders} orders that are done, each charged once"
    );

    let exposition = wait_until_drained(&service)?;
    ensure!(
        exposition.sum("worker_tasks_total", &[("outcome", "ok")]) == orders as f64
            && exposition.sum("worker_tasks_total", &[]) == orders as f64,
        "worker_tasks_total: expected {orders} jobs with the outcome ok, and none with another"
    );
    let requests = exposition.sum("http_server_request_duration_seconds_count", &[]);
    ensure!(
        requests == (3 * orders) as f64,
        "found {requests} requests in the exposition, expected {}",
        3 * orders
    );
    for symptom in [Symptom::Timeout, Symptom::Broken] {
        let count = symptom.count(&exposition);
        ensure!(
            count == 0.0,
            "found {symptom:?} {count} times, expected never"
        );
    }
    let repeated = exposition.sum("sql_n_plus_one_total", &[]);
    ensure!(repeated == 0.0, "found {repeated} N+1, expected none");
    let placed = [("http_route", "/orders")];
    check_histogram(
        &exposition,
        "sql_queries_per_request",
        &placed,
        QUERIES,
        orders,
    )?;
    // The histogram has the wait of every job. The gauge `worker_queue_oldest_age_seconds` has only
    // the oldest job of each reading.
    check_histogram(
        &exposition,
        "worker_task_wait_seconds",
        &[],
        LATENCY_BUDGET,
        orders,
    )?;
    ensure!(
        exposition.has("worker_queue_latency_budget_seconds", &[], LATENCY_BUDGET),
        "the queue's latency budget is not {LATENCY_BUDGET} s"
    );
    service.stop()
}

/// Checks that a histogram has one measurement per order and none above the bound.
fn check_histogram(
    exposition: &Exposition,
    histogram: &str,
    labels: &[(&str, &str)],
    bound: f64,
    orders: i64,
) -> anyhow::Result<()> {
    let all = exposition.sum(&format!("{histogram}_count"), labels);
    let beyond = exposition.above(histogram, labels, bound);
    ensure!(
        all == orders as f64 && beyond == 0.0,
        "{histogram}: found {all} measurements and {beyond} of them above {bound}, expected {orders} and none"
    );
    Ok(())
}

/// Waits until the exposition shows an empty queue and returns it.
///
/// The service reads the queue's state every 15 s. At least one more reading is awaited, because an
/// earlier one may be from before the last order was done.
fn wait_until_drained(service: &Service) -> anyhow::Result<Exposition> {
    // The reading of the queue's state is the only statement that reads jobs and workers without an update.
    let is_reading = |summary: &str| {
        let has = |word| summary.split(' ').any(|part| part == word);
        has("apalis.jobs") && has("apalis.workers") && !has("UPDATE")
    };
    let readings = |exposition: &Exposition| {
        exposition.sum_where("db_client_operation_duration_seconds_count", |sample| {
            is_reading(sample.label("db_query_summary"))
        })
    };
    let before = readings(&Exposition::scrape(service)?);
    let waiting = ["ready", "scheduled", "running", "retry", "dead_lettered"];
    let exposition = Exposition::wait(service, "an empty queue", |exposition| {
        let depth = |state| exposition.has("worker_queue_depth", &[("status", state)], 0.0);
        readings(exposition) > before && waiting.into_iter().all(depth)
    })?;
    let oldest = exposition.sum("worker_queue_oldest_age_seconds", &[]);
    ensure!(
        oldest < LATENCY_BUDGET,
        "the oldest job is {oldest} s old, the latency budget is {LATENCY_BUDGET} s"
    );
    Ok(exposition)
}

const CLIENTS: usize = 8;
/// Orders per client; each is followed by two requests that read.
const ORDERS: usize = 30;
/// Maximum number of queries in a request.
///
/// They are those of the order and its job, and the transaction's statements.
const QUERIES: f64 = 5.0;
/// The queue's latency budget in `src/jobs.rs`, in seconds.
const LATENCY_BUDGET: f64 = 60.0;

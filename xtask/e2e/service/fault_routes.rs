//! Faults on demand, which the suite `live` adds to a generated service.
//!
//! Each is a real fault, such as a statement in a loop, a call that blocks the runtime, or a label with an id. None
//! writes the metrics that report the fault. Without its environment variables and requests, this file changes nothing.

use std::{
    env, io,
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{Request, header::CONTENT_TYPE},
    routing::post,
};
use firstlight::{
    cron::{CronError, Schedule, Scheduler},
    grpc::{ClientLayer, ServerLayer},
    sqlx::{CronStore, InstrumentQuery},
    staleness::DataType,
};
use metrics::{counter, histogram};
use tokio::time::sleep;
use tower::{Layer, ServiceExt};

use crate::{
    app::AppState,
    error::AppError,
    store::{Db, Store},
};

/// The delay of each charge, in milliseconds.
static BANK_TAKES: AtomicU64 = AtomicU64::new(0);
/// Whether scheduled runs take so long that they overlap.
static HERD: AtomicBool = AtomicBool::new(false);
/// A data type that is declared twice with different windows, as by two modules.
static PRICES: DataType = DataType::declare("prices", Duration::from_secs(3_600));
static PRICES_AGAIN: DataType = DataType::declare("prices", Duration::from_secs(1));

/// The age of the served price, between the two declared windows.
const PRICE_AGE: Duration = Duration::from_secs(30);
/// The duration of an overlapping run.
const LONG_RUN: Duration = Duration::from_millis(2_500);
const POLL: Duration = Duration::from_millis(50);
/// gRPC's status `UNAVAILABLE`.
const UNAVAILABLE: u8 = 14;

/// The routes that start and end faults.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/faults/bank/{milliseconds}", post(bank_takes))
        .route("/faults/herd/{runs}", post(herd_runs))
        .route("/faults/n-plus-one/{times}", post(n_plus_one))
        .route("/faults/fail", post(fail))
        .route("/faults/panic", post(panics))
        .route("/faults/block/{milliseconds}", post(block))
        .route("/faults/flood/{values}", post(flood))
        .route("/faults/not-a-number", post(not_a_number))
        .route("/faults/stale", post(stale))
        .route("/faults/pay/{status}", post(pay))
        .route("/faults/call", post(call))
}

/// Sets the delay of charges, including those under way.
async fn bank_takes(Path(milliseconds): Path<u64>) {
    BANK_TAKES.store(milliseconds, Ordering::Relaxed);
}

/// Sets whether scheduled runs overlap.
async fn herd_runs(Path(runs): Path<bool>) {
    HERD.store(runs, Ordering::Relaxed);
}

/// Runs one statement per row of a list.
async fn n_plus_one(State(store): State<Store>, Path(times): Path<i64>) -> Result<(), AppError> {
    for account in 1..=times {
        let balance = sqlx::query("SELECT balance FROM accounts WHERE id = $1").bind(account);
        balance.fetch_optional(&store).instrumented().await?;
    }
    Ok(())
}

/// Fails with an internal error.
async fn fail() -> Result<(), AppError> {
    Err(AppError::internal(io::Error::other("out of ink")))
}

/// Panics in the handler.
async fn panics() {
    panic!("out of paper");
}

/// Blocks a thread of the runtime.
async fn block(Path(milliseconds): Path<u64>) {
    thread::sleep(Duration::from_millis(milliseconds));
}

/// Counts with a label that has `values` different values.
async fn flood(Path(values): Path<u32>) {
    for value in 0..values {
        counter!("faults_flood_total", "customer" => value.to_string()).increment(1);
    }
}

/// Records a value that is not a number.
async fn not_a_number() {
    histogram!("faults_ratio").record(f64::NAN);
}

/// Serves a price whose age only the first of its declarations allows.
///
/// The second check passes, because its age is zero. Both declarations have the same name, and the
/// second one replaces the exported window, so the age that was served is above it.
async fn stale() -> Result<(), AppError> {
    PRICES.check_age(PRICE_AGE).map_err(AppError::internal)?;
    PRICES_AGAIN
        .check_age(Duration::ZERO)
        .map_err(AppError::internal)
}

/// Makes a gRPC call within the process, through the layers of both sides.
///
/// The call ends with `status`, or with `UNAVAILABLE` if the query fails.
async fn pay(State(store): State<Store>, Path(status): Path<u8>) -> Result<(), AppError> {
    let answer = move || async move {
        let balance = sqlx::query("SELECT balance FROM accounts WHERE id = 1");
        let found = balance.fetch_optional(&store).instrumented().await;
        let status = if found.is_ok() { status } else { UNAVAILABLE };
        [
            ("content-type", "application/grpc".to_owned()),
            ("grpc-status", status.to_string()),
        ]
    };
    let payments = Router::new().route("/bank.Payments/Pay", post(answer));
    let payments = ServerLayer::new().layer(payments);
    let channel = ClientLayer::new().server("payments.internal", 50_051).layer(payments);
    let call = Request::post("http://payments.internal:50051/bank.Payments/Pay")
        .header(CONTENT_TYPE, "application/grpc")
        .body(Body::empty())
        .map_err(AppError::internal)?;
    let answered = channel.oneshot(call).await.map_err(|error| AppError::internal(anyhow::Error::from_boxed(error)))?;
    axum::body::to_bytes(Body::new(answered.into_body()), 1_024)
        .await
        .map_err(AppError::internal)?;
    Ok(())
}

/// Makes a failing HTTP call to this service.
async fn call() -> Result<(), AppError> {
    static CALLS: LazyLock<firstlight::http::ClientLayer> =
        LazyLock::new(firstlight::http::ClientLayer::new);
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.map_err(AppError::internal)?;
    // In the suite `live`, the service is its own bank.
    let bank = env::var("BANK_URL").map_err(AppError::internal)?;
    let failing = client.post(format!("{bank}/faults/fail"));
    let answer = CALLS.send(failing).url_template("/faults/fail").await;
    answer.map(drop).map_err(AppError::internal)
}

/// Delays a charge before it calls the bank.
pub async fn bank() {
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_millis(BANK_TAKES.load(Ordering::Relaxed)) {
        sleep(POLL).await;
    }
}

/// The queue's latency budget, which tests shorten.
pub fn latency_budget(budget: Duration) -> Duration {
    seconds("FAULTS_LATENCY_BUDGET", budget.as_secs())
}

/// The interval at which the queue's state is read.
pub fn look() -> Duration {
    seconds("FAULTS_LOOK", 15)
}

fn seconds(variable: &str, otherwise: u64) -> Duration {
    let value = env::var(variable).ok().and_then(|value| value.parse().ok());
    Duration::from_secs(value.unwrap_or(otherwise))
}

/// Adds three schedules at the same second if `FAULTS_HERD` is set.
pub fn herd(scheduler: Scheduler<CronStore<Db>>) -> Result<Scheduler<CronStore<Db>>, CronError> {
    static IS_ENABLED: LazyLock<bool> = LazyLock::new(|| env::var_os("FAULTS_HERD").is_some());
    if !*IS_ENABLED {
        return Ok(scheduler);
    }
    let mut scheduler = scheduler;
    for name in ["herd-1", "herd-2", "herd-3"] {
        let schedule = Schedule::every(Duration::from_secs(4))?
            .named(name)
            .without_jitter();
        scheduler = scheduler.add(schedule, || async {
            if HERD.load(Ordering::Relaxed) {
                sleep(LONG_RUN).await;
            }
            Ok::<(), io::Error>(())
        });
    }
    Ok(scheduler)
}

//! Slow queries and conflicts on demand, which the suite `store` adds.
//!
//! Nothing here handles database errors. The routes use the service's own pool and error type, so
//! that the tests see how the generated code handles them. The routes are also the bank that
//! another instance calls.

use std::{env, pin::Pin, process, sync::LazyLock, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRef, Path, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
    routing::post,
};
use firstlight::{
    cron::{Cron, CronError, Schedule},
    jobs::apalis::BoxDynError,
    sqlx::InstrumentQuery,
};
use serde_json::Value;
use tokio::{
    sync::Barrier,
    time::{sleep, timeout},
};

use crate::{
    app::AppState,
    error::AppError,
    orders::table::Order,
    store::{Db, Store},
};

/// The delay of a charge, long enough to kill the process during it.
///
/// A charge of the item `slow` waits before the call to the bank, and one of `unanswered` after it.
const SLOW_CHARGE: Duration = Duration::from_secs(2);
/// How long an answer is held: longer than a client waits.
const HOLD_TIME: Duration = Duration::from_secs(60);
/// How long a transaction waits for the other one.
///
/// If there is no other transaction, it continues alone, and the test finds no conflict.
const BARRIER_TIMEOUT: Duration = Duration::from_secs(10);

/// Lets handlers extract the store alone.
impl FromRef<AppState> for Store {
    fn from_ref(app: &AppState) -> Self {
        app.store.clone()
    }
}

/// The routes of slow queries, conflicts and the bank.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/trouble/slow/{milliseconds}", post(slow))
        .route("/trouble/transfer/{from}/{to}", post(transfer))
        .route("/trouble/withdraw/{account}", post(withdraw))
        .route("/payments/{order}", post(accept_payment))
}

/// Holds the answer to a request with the header `hold-answer`.
///
/// The request itself is processed completely.
pub async fn hold(request: Request, next: Next) -> Response {
    let is_held = request.headers().contains_key("hold-answer");
    let answer = next.run(request).await;
    if is_held {
        sleep(HOLD_TIME).await;
    }
    answer
}

/// Runs a query that takes as long as the caller requests.
async fn slow(State(store): State<Store>, Path(milliseconds): Path<u32>) -> Result<(), AppError> {
    let seconds = f64::from(milliseconds) / 1_000.0;
    let slow = sqlx::query("SELECT COUNT(*) FROM accounts, pg_sleep($1)").bind(seconds);
    slow.execute(&store).instrumented().await?;
    Ok(())
}

/// Locks two rows in the order of the request.
///
/// Between the locks it waits for another transfer, so that two in opposite order always deadlock.
async fn transfer(
    State(store): State<Store>,
    Path((from, to)): Path<(i64, i64)>,
) -> Result<(), AppError> {
    static BOTH: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));
    let mut transaction = firstlight::sqlx::begin(&store).await?;
    add(&mut transaction, from, -1).await?;
    let _ = timeout(BARRIER_TIMEOUT, BOTH.wait()).await;
    add(&mut transaction, to, 1).await?;
    transaction.commit().await?;
    Ok(())
}

/// Reads and writes a balance in a serializable transaction.
///
/// In between, it waits for another withdrawal, so that both have read before either writes.
async fn withdraw(State(store): State<Store>, Path(account): Path<i64>) -> Result<(), AppError> {
    static BOTH: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));
    let mut transaction = firstlight::sqlx::begin(&store).await?;
    let isolation = sqlx::query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    isolation.execute(&mut *transaction).instrumented().await?;
    let balance = sqlx::query_scalar::<_, i64>("SELECT balance FROM accounts WHERE id = $1");
    let balance = balance
        .bind(account)
        .fetch_one(&mut *transaction)
        .instrumented()
        .await?;
    let _ = timeout(BARRIER_TIMEOUT, BOTH.wait()).await;
    let update = sqlx::query("UPDATE accounts SET balance = $1 WHERE id = $2");
    let update = update.bind(balance - 1).bind(account);
    update.execute(&mut *transaction).instrumented().await?;
    transaction.commit().await?;
    Ok(())
}

async fn add(connection: &mut <Db as sqlx::Database>::Connection, account: i64, amount: i64) -> Result<(), sqlx::Error> {
    let update = sqlx::query("UPDATE accounts SET balance = balance + $1 WHERE id = $2");
    let update = update.bind(amount).bind(account);
    update.execute(connection).instrumented().await.map(drop)
}

/// Runs the part of a charge before the order is marked as charged.
///
/// Records the start. Without a separate bank (`BANK_URL`), it also takes the money.
pub async fn pay(store: &Store, order: &Order) -> Result<(), BoxDynError> {
    let attempt = sqlx::query("INSERT INTO attempts (order_id) VALUES ($1)").bind(order.id);
    attempt.execute(store).instrumented().await?;
    match &*order.item {
        "slow" => sleep(SLOW_CHARGE).await,
        // Ends the process without a shutdown, as the kernel does when memory runs out.
        "fatal" => process::abort(),
        _ => {}
    }
    if env::var_os("BANK_URL").is_none() {
        take_payment(store, order.id).await?;
        if order.item == "unanswered" {
            sleep(SLOW_CHARGE).await;
        }
    }
    Ok(())
}

/// The bank's route, which requires an idempotency key.
async fn accept_payment(
    State(store): State<Store>,
    Path(order): Path<i64>,
    headers: HeaderMap,
    Json(payment): Json<Value>,
) -> Result<(), AppError> {
    let key = headers.get("idempotency-key");
    let key = key.and_then(|key| key.to_str().ok()?.parse().ok());
    let Some(key) = key else {
        let message = format!("order {order}: expected a number as Idempotency-Key");
        return Err(AppError::Unprocessable(message));
    };
    if payment["item"] == "declined" {
        return Err(AppError::Unprocessable("declined".to_owned()));
    }
    take_payment(&store, key).await?;
    Ok(())
}

/// Records a call to the bank, and takes the money if the key is new.
///
/// The key is the order's id. A repeated key gets the same answer without another payment.
async fn take_payment(store: &Store, key: i64) -> Result<(), sqlx::Error> {
    let call = "INSERT INTO bank_calls (key, order_is_done) SELECT $1, EXISTS (SELECT 1 FROM orders WHERE id = $1 AND charged)";
    let first = "INSERT INTO bank_keys (key) VALUES ($1) ON CONFLICT DO NOTHING";
    let payment = "INSERT INTO payments (order_id) VALUES ($1)";
    let mut transaction = firstlight::sqlx::begin(store).await?;
    let call = sqlx::query(call).bind(key);
    call.execute(&mut *transaction).instrumented().await?;
    let first = sqlx::query(first).bind(key);
    let first = first.execute(&mut *transaction).instrumented().await?;
    if first.rows_affected() > 0 {
        let payment = sqlx::query(payment).bind(key);
        payment.execute(&mut *transaction).instrumented().await?;
    }
    transaction.commit().await
}

/// A schedule that runs every two seconds, without jitter.
pub fn every_other_second() -> Result<Cron, CronError> {
    Ok(Schedule::every(Duration::from_secs(2))?
        .named("tick")
        .without_jitter())
}

/// The function of the schedule.
pub fn ticks(store: &Store) -> impl Fn() -> BoxFuture + use<> {
    let store = store.clone();
    move || {
        let store = store.clone();
        Box::pin(async move { tick(&store).await })
    }
}

type BoxFuture = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send>>;

/// Records the process and the due time of the run.
///
/// The due time is in the table that the replicas share.
async fn tick(store: &Store) -> Result<(), sqlx::Error> {
    let note = "INSERT INTO ticks (scheduled_for, process) SELECT scheduled_for, $1 FROM firstlight_cron WHERE name = 'tick'";
    let process = i64::from(std::process::id());
    sqlx::query(note)
        .bind(process)
        .execute(store)
        .instrumented()
        .await
        .map(drop)
}

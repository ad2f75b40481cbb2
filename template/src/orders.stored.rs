//! The example endpoints: an API for orders, which are stored in the database.
//!
//! To remove it, delete `src/orders.rs`, `src/orders/`, their tests and migration, and all uses of orders{% if worker %} and the bank{% endif %}
//! in other files{% if worker %}. Copy the pattern of `create` for requests whose work takes longer than a client should wait{% endif %}.

{% if worker -%}
pub mod bank;
pub mod charge;
{% endif -%}
pub mod table;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header::LOCATION};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use firstlight::sqlx::ErrorClass;
use firstlight::staleness::{Cache, DataType};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{info, instrument};

{% if worker -%}
use self::charge::{CHARGES, Charge};
{% endif -%}
use self::table::Stats;
{% if worker -%}
use crate::store::Db;
{% endif -%}
use crate::{app::AppState, error::AppError, metrics, store::Store};

const MAX_QUANTITY: i32 = 1_000;
/// In characters; bounded because the body of a request may have 2 MiB.
const MAX_ITEM: usize = 200;
/// In bytes; enough for a UUID, and bounded because the table has an index on it.
const MAX_KEY: usize = 100;

/// Totals over all orders, which may be 10 s old because counting is expensive.
static STATS: DataType = DataType::declare("order_stats", Duration::from_secs(10));

#[derive(Debug, Deserialize)]
pub struct NewOrder {
    item: String,
    quantity: i32,
}

/// The part of the app's state that belongs to the example: a cache of the totals.
pub type Orders = Cache<(), Stats, sqlx::Error>;

/// Converts an error of the cache, which concurrent reads share.
impl From<Arc<sqlx::Error>> for AppError {
    fn from(error: Arc<sqlx::Error>) -> Self {
        Self::Failed(ErrorClass::of(&error).status(), error.into())
    }
}

/// Creates the cache of the totals.
pub fn cache() -> Orders {
    Cache::with_capacity(&STATS, 1)
}

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/stats", get(show_stats))
        .route("/orders/{id}", get(show))
}

/// Stores an order; the `Location` of the response is the order's address.
async fn create(
    State(app): State<AppState>,
    headers: HeaderMap,
    Json(new): Json<NewOrder>,
) -> Result<impl IntoResponse, AppError> {
    validate(&new)?;
    let key = idempotency_key(&headers)?;
    let id = save(&app.store, &new, key).await?;
    let location = [(LOCATION, format!("/orders/{id}"))];
{%- if worker %}
    Ok((StatusCode::ACCEPTED, location, Json(json!({ "id": id }))))
{%- else %}
    Ok((StatusCode::CREATED, location, Json(json!({ "id": id }))))
{%- endif %}
}

async fn show(State(app): State<AppState>, Path(id): Path<i64>) -> Result<Json<Value>, AppError> {
    let order = table::find(&app.store, id).await?;
    let order = order.ok_or_else(|| AppError::NotFound(format!("order {id}")))?;
{%- if worker %}
    let status = charge::status(&app.store, &order).await?;
    let mut order = json!(order);
    order["status"] = json!(status);
    Ok(Json(order))
{%- else %}
    Ok(Json(json!(order)))
{%- endif %}
}

async fn show_stats(State(app): State<AppState>) -> Result<Json<Stats>, AppError> {
    let read = || table::stats(&app.store);
    Ok(Json(app.orders.get((), read).await?))
}

#[instrument(skip_all)]
fn validate(new: &NewOrder) -> Result<(), AppError> {
    let length = new.item.chars().count();
    if !(1..=MAX_ITEM).contains(&length) {
        metrics::rejected(metrics::Rejection::Item).increment(1);
        let message = format!("item has {length} characters, expected 1 to {MAX_ITEM}");
        return Err(AppError::Unprocessable(message));
    }
    if !(1..=MAX_QUANTITY).contains(&new.quantity) {
        metrics::rejected(metrics::Rejection::Quantity).increment(1);
        let message = format!("quantity is {}, expected 1 to {MAX_QUANTITY}", new.quantity);
        return Err(AppError::Unprocessable(message));
    }
    Ok(())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, AppError> {
    let key = headers.get("idempotency-key");
    let key = key.map(|key| key.to_str().unwrap_or_default());
    if key.is_some_and(|key| !(1..=MAX_KEY).contains(&key.len())) {
        let message = format!("Idempotency-Key: expected 1 to {MAX_KEY} ASCII characters");
        return Err(AppError::Unprocessable(message));
    }
    Ok(key)
}

/// Stores an order, or finds the one that has the same key, and returns its id.
async fn save(store: &Store, new: &NewOrder, key: Option<&str>) -> Result<i64, AppError> {
    let _in_progress = metrics::InProgress::start();
    let started = Instant::now();
    let mut transaction = firstlight::sqlx::begin(store).await?;
    let Some(id) = table::insert(&mut *transaction, new, key).await? else {
        transaction.rollback().await?;
        let first = table::find_by_key(store, key).await?;
        let same = first.filter(|it| it.item == new.item && it.quantity == new.quantity);
        let message = "Idempotency-Key: already used for a different order";
        let refused = || AppError::Unprocessable(message.to_owned());
        return same.map(|order| order.id).ok_or_else(refused);
    };
{%- if worker %}
    // The job's key is the order's id, so that the queue accepts one charge per order.
    let (charge, key) = (Charge { order_id: id }, id.to_string());
    let enqueue = CHARGES.enqueue::<Db>(&mut transaction, &charge, &key);
    enqueue.await?;
{%- endif %}
    transaction.commit().await?;
    metrics::order_accepted(new.quantity, started.elapsed());
    info!(order.id = id, "order accepted");
    Ok(id)
}

//! The example: an API for orders, which are stored in the database.
//!
//! To remove it, delete `src/orders.rs`, `src/orders/`, their tests and migration, and what other files have about orders{% if worker %} and
//! the bank. Keep the pattern of `create` for requests whose work takes longer than a client should wait{% endif %}.
//!
//! | request | shows |
//! | --- | --- |
{%- if worker %}
//! | `POST /orders` | one transaction for order and job; 202 with its address |
//! | the same with the item `declined` | a dead letter; with `BANK_URL` the bank decides |
//! | `GET /orders/{id}` | pending, running, retrying, done or dead-lettered; 404 |
{%- else %}
//! | `POST /orders` | a transaction, and 201 |
//! | `GET /orders/{id}` | a fast request; 404 for an unknown order |
{%- endif %}
//! | `POST /orders` with an `Idempotency-Key` | a repeat creates no second order |
//! | `GET /orders/stats` | a cached read, at most 10 s old |

{% if worker -%}
pub mod bank;
pub mod charge;
{% endif -%}
pub mod table;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::{get, post},
};
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
/// Maximum length of an item, in characters.
///
/// A body may have two megabytes, and the item is stored.
const MAX_ITEM: usize = 200;
/// Maximum length of an idempotency key, in bytes.
///
/// It holds a UUID, and is bounded because the key is an index of the table.
const MAX_KEY: usize = 100;

/// Totals over all orders, which may be 10 s old because counting is expensive.
static STATS: DataType = DataType::declare("order_stats", Duration::from_secs(10));

#[derive(Debug, Deserialize)]
pub struct NewOrder {
    item: String,
    quantity: i32,
}

/// Cache that requests about orders share.
pub type Orders = Cache<(), Stats, sqlx::Error>;

/// Creates the cache of the totals.
pub fn cache() -> Orders {
    Cache::with_capacity(&STATS, 1)
}

/// The routes of the example.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/stats", get(stats_of_all))
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

async fn stats_of_all(State(app): State<AppState>) -> Result<Json<Stats>, AppError> {
    let read = || table::stats(&app.store);
    Ok(Json(app.orders.get((), read).await?))
}

#[instrument(skip_all)]
fn validate(new: &NewOrder) -> Result<(), AppError> {
    let length = new.item.chars().count();
    if !(1..=MAX_ITEM).contains(&length) {
        let message = format!("item has {length} characters, expected 1 to {MAX_ITEM}");
        return Err(AppError::Unprocessable(message));
    }
    if !(1..=MAX_QUANTITY).contains(&new.quantity) {
        let message = format!("quantity is {}, expected 1 to {MAX_QUANTITY}", new.quantity);
        return Err(AppError::Unprocessable(message));
    }
    Ok(())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, AppError> {
    let key = headers.get("idempotency-key");
    let key = key.map(|key| key.to_str().unwrap_or_default());
    if key.is_some_and(|key| !(1..=MAX_KEY).contains(&key.len())) {
        let message = format!("Idempotency-Key: expected 1 to {MAX_KEY} characters of ASCII");
        return Err(AppError::Unprocessable(message));
    }
    Ok(key)
}

/// Stores an order in one transaction and returns its id.
///
/// If an order with the same key exists, returns the id of that order.
async fn save(store: &Store, new: &NewOrder, key: Option<&str>) -> Result<i64, AppError> {
    let mut transaction = firstlight::sqlx::begin(store).await?;
    let Some(id) = table::insert(&mut *transaction, new, key).await? else {
        transaction.rollback().await?;
        let first = table::find_by_key(store, key).await?;
        let same = first.filter(|it| it.item == new.item && it.quantity == new.quantity);
        let other = || AppError::Unprocessable("Idempotency-Key: was another order's".to_owned());
        return same.map(|order| order.id).ok_or_else(other);
    };
{%- if worker %}
    // The order's id as the job's key: the queue accepts one charge per order.
    let (charge, key) = (Charge { order_id: id }, id.to_string());
    let enqueue = CHARGES.enqueue::<Db>(&mut transaction, &charge, &key);
    enqueue.await?;
{%- endif %}
    transaction.commit().await?;
    metrics::order_accepted();
    metrics::order_items(new.quantity);
    info!(order.id = id, "order accepted");
    Ok(id)
}

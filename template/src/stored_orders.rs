//! The example: orders. Once you have routes of your own, delete `src/orders.rs`, `src/orders/`, `tests/orders.rs`{% if worker %}, `tests/bank.rs`{% endif %}, and
//! what other files say about orders{% if worker %} and the bank; keep the shape of `create` for whatever takes longer than a client should wait{% endif %}.
//!
//! | request | shows |
//! | --- | --- |
{%- if worker %}
//! | `POST /orders` | order and job are stored in one transaction, and the answer is 202 with the address of the outcome |
//! | the same with the header `Idempotency-Key` | sent twice, it is one order |
//! | the same with the item `declined` | a charge that fails for good: a dead letter; with `BANK_URL` the bank says what is declined |
{%- else %}
//! | `POST /orders` | a transaction, and 201 |
//! | the same with the header `Idempotency-Key` | sent twice, it is one order |
{%- endif %}
//! | `GET /orders/{id}` | {% if worker %}the status: pending, done or dead{% else %}a fast request{% endif %}; 404 for an order that is not there |
//! | `GET /orders/stats` | a cached read, at most 10 s old |

{% if worker -%}
pub mod bank;
pub mod charge;
{% endif -%}
mod table;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::{get, post},
};
use firstlight::staleness::{Cache, DataType};
use serde::{Deserialize, Serialize};
use tracing::{info, instrument};

use self::table::{Order, Stats};
{%- if worker %}
use crate::{
    error::AppError,
    metrics,
    store::{Db, Store},
};
{%- else %}
use crate::{error::AppError, metrics, store::Store};
{%- endif %}

const MAX_QUANTITY: u32 = 1_000;
/// In characters. A body may have two megabytes, and all of them are kept.
const MAX_ITEM: usize = 200;
/// As long as a UUID needs, and some; it is an index of the table.
{%- if worker %}
const MAX_KEY: usize = 100;
{%- else %}
///
/// Keys are kept for ever: nothing here runs by the clock, and a key costs less than the order that it belongs to, which is
/// kept, too. Once orders are removed, their keys go with them.
const MAX_KEY: usize = 100;
{%- endif %}
{%- if worker %}
/// How long a client may repeat a request with the same key.
const KEYS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
{%- endif %}

/// Counting all orders costs, and no decision depends on the last ten seconds.
static STATS: DataType = DataType::declare("order_stats", Duration::from_secs(10));

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct NewOrder {
    item: String,
    quantity: u32,
}

/// What the client is told at once.
#[derive(Serialize)]
struct {% if worker %}Accepted{% else %}Created{% endif %} {
    id: i64,
}

#[derive(Clone)]
struct Orders {
    store: Store,
    stats: Cache<(), Stats, sqlx::Error>,
}

/// The routes of the example.
pub fn routes(store: Store) -> Router {
    let stats = Cache::with_capacity(&STATS, 1);
    Router::new()
        .route("/orders", post(create))
        .route("/orders/stats", get(stats_of_all))
        .route("/orders/{id}", get(show))
        .with_state(Orders { store, stats })
}

/// Validates, stores, {% if worker %}enqueues, {% endif %}answers; the location of the answer is where the client finds the outcome.
async fn create(
    State(orders): State<Orders>,
    headers: HeaderMap,
    Json(new): Json<NewOrder>,
) -> Result<impl IntoResponse, AppError> {
    validate(&new)?;
    let key = idempotency_key(&headers)?;
    let id = match save(&orders.store, &new, key).await? {
        Some(id) => id,
        None => repeated(&orders.store, &new, key.unwrap_or_default()).await?,
    };
    let location = [(LOCATION, format!("/orders/{id}"))];
    Ok((StatusCode::{% if worker %}ACCEPTED{% else %}CREATED{% endif %}, location, Json({% if worker %}Accepted{% else %}Created{% endif %} { id })))
}

async fn show(State(orders): State<Orders>, Path(id): Path<i64>) -> Result<Json<Order>, AppError> {
    let order = table::find(&orders.store, id).await?;
    let order = order.ok_or_else(|| AppError::NotFound(format!("order {id}")))?;
    Ok(Json(order))
}

async fn stats_of_all(State(orders): State<Orders>) -> Result<Json<Stats>, AppError> {
    let read = || table::stats(&orders.store);
    Ok(Json(orders.stats.get((), read).await?))
}

#[instrument(skip_all)]
fn validate(new: &NewOrder) -> Result<(), AppError> {
    if new.item.is_empty() {
        return Err(AppError::Unprocessable("item is empty".to_owned()));
    }
    let length = new.item.chars().count();
    if length > MAX_ITEM {
        let message = format!("item has {length} characters, expected at most {MAX_ITEM}");
        return Err(AppError::Unprocessable(message));
    }
    if !(1..=MAX_QUANTITY).contains(&new.quantity) {
        let message = format!("quantity is {}, expected 1 to {MAX_QUANTITY}", new.quantity);
        return Err(AppError::Unprocessable(message));
    }
    Ok(())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, AppError> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key)),
        _ => {
            let message = format!("Idempotency-Key: expected 1 to {MAX_KEY} characters of ASCII");
            Err(AppError::Unprocessable(message))
        }
    }
}

/// {% if worker %}Order and job, both or neither{% else %}The new order's id{% endif %}; `None` if the key is known.
async fn save(store: &Store, new: &NewOrder, key: Option<&str>) -> Result<Option<i64>, AppError> {
    let mut transaction = firstlight::sqlx::begin(store).await?;
    let Some(id) = table::insert(&mut transaction, new, key).await? else {
        transaction.rollback().await?;
        return Ok(None);
    };
{%- if worker %}
    let charge = charge::Charge { order_id: id };
    // One charge for each order, whatever else goes wrong.
    let key = id.to_string();
    charge::CHARGES
        .enqueue::<Db>(&mut transaction, &charge, &key)
        .await?;
{%- endif %}
    transaction.commit().await?;
    metrics::order_accepted();
    metrics::order_items(new.quantity);
    info!(order.id = id, "order accepted");
    Ok(Some(id))
}

/// The order that was made with this key, if it is the same order.
async fn repeated(store: &Store, new: &NewOrder, key: &str) -> Result<i64, AppError> {
    let (id, first) = table::find_by_key(store, key).await?;
    if first != *new {
        let message = "Idempotency-Key: was sent before, with another order".to_owned();
        return Err(AppError::Unprocessable(message));
    }
    Ok(id)
}
{%- if worker %}

/// The scheduled run: keys that are a day old are free again.
pub async fn forget_keys(store: &Store) -> Result<(), sqlx::Error> {
    let forgotten = table::forget_keys(store, KEYS_KEPT).await?;
    info!(forgotten, "idempotency keys forgotten");
    Ok(())
}
{%- endif %}

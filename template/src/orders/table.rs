//! The table of orders, and every query about it.

use std::time::{SystemTime, UNIX_EPOCH};

use firstlight::sqlx::Observe;
use serde::Serialize;

use super::NewOrder;
use crate::store::{Connection, Store};

/// An order, as clients see it.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub struct Order {
    pub id: i64,
    pub item: String,
    pub quantity: i64,
{%- if worker %}
    #[serde(skip)]
    pub charged: bool,
{%- endif %}
}

/// All orders together.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Stats {
    pub orders: i64,
    pub items: i64,
}

/// Stores an order and returns its id, unless there is one with the same key.
pub async fn insert(
    connection: &mut Connection,
    new: &NewOrder,
    key: Option<&str>,
) -> Result<Option<i64>, sqlx::Error> {
    let insert = "INSERT INTO orders (item, quantity, created_at, idempotency_key) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT (idempotency_key) DO NOTHING RETURNING id";
    sqlx::query_scalar(insert)
        .bind(&new.item)
        .bind(i64::from(new.quantity))
        .bind(seconds(SystemTime::now()))
        .bind(key)
        .fetch_optional(connection)
        .observed()
        .await
}

pub async fn find(store: &Store, id: i64) -> Result<Option<Order>, sqlx::Error> {
    let find = sqlx::query_as("SELECT * FROM orders WHERE id = $1").bind(id);
    find.fetch_optional(store).observed().await
}

pub async fn find_by_key(store: &Store, key: &str) -> Result<(i64, NewOrder), sqlx::Error> {
    let find = "SELECT id, item, quantity FROM orders WHERE idempotency_key = $1";
    let (id, item, quantity) = sqlx::query_as::<_, (i64, String, i64)>(find)
        .bind(key)
        .fetch_one(store)
        .observed()
        .await?;
    let quantity = u32::try_from(quantity).unwrap_or(u32::MAX);
    Ok((id, NewOrder { item, quantity }))
}

pub async fn stats(store: &Store) -> Result<Stats, sqlx::Error> {
    let stats = "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(quantity), 0) AS BIGINT) AS items FROM orders";
    sqlx::query_as(stats).fetch_one(store).observed().await
}
{%- if worker %}

/// How long a client may repeat a request with the same key.
const KEYS_KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Notes that an order is charged.
pub async fn set_charged(store: &Store, id: i64) -> Result<(), sqlx::Error> {
    let charged = sqlx::query("UPDATE orders SET charged = TRUE WHERE id = $1").bind(id);
    charged.execute(store).observed().await.map(drop)
}

/// The scheduled run: keys that no client will send again are free. Their orders stay.
pub async fn forget_keys(store: Store) -> Result<(), sqlx::Error> {
    let forget = "UPDATE orders SET idempotency_key = NULL WHERE idempotency_key IS NOT NULL AND created_at < $1";
    let forget = sqlx::query(forget).bind(seconds(SystemTime::now() - KEYS_KEPT));
    let forgotten = forget.execute(&store).observed().await?.rows_affected();
    tracing::info!(forgotten, "idempotency keys forgotten");
    Ok(())
}
{%- endif %}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

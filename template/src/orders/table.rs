//! Queries on the table of orders.

use std::time::{SystemTime, UNIX_EPOCH};

use firstlight::sqlx::InstrumentQuery;
use serde::Serialize;
use sqlx::Executor;

use super::NewOrder;
use crate::store::{Db, Store};

/// An order, as clients receive it.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub struct Order {
    pub id: i64,
    pub item: String,
    pub quantity: i32,
{%- if worker %}
    #[serde(skip)]
    pub charged: bool,
{%- endif %}
}

/// Totals over all orders.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Stats {
    pub orders: i64,
    pub items: i64,
}

/// Stores an order and returns its id, or `None` if its key is taken.
pub async fn insert(
    connection: impl Executor<'_, Database = Db>,
    new: &NewOrder,
    key: Option<&str>,
) -> Result<Option<i64>, sqlx::Error> {
    let insert = "INSERT INTO orders (item, quantity, created_at, idempotency_key) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT (idempotency_key) DO NOTHING RETURNING id";
    let insert = sqlx::query_scalar(insert).bind(&new.item);
    let insert = insert.bind(new.quantity).bind(now()).bind(key);
    insert.fetch_optional(connection).instrumented().await
}

pub async fn find(store: &Store, id: i64) -> Result<Option<Order>, sqlx::Error> {
    let find = sqlx::query_as("SELECT * FROM orders WHERE id = $1").bind(id);
    find.fetch_optional(store).instrumented().await
}

pub async fn find_by_key(store: &Store, key: Option<&str>) -> Result<Option<Order>, sqlx::Error> {
    let find = sqlx::query_as("SELECT * FROM orders WHERE idempotency_key = $1").bind(key);
    find.fetch_optional(store).instrumented().await
}

pub async fn stats(store: &Store) -> Result<Stats, sqlx::Error> {
    let stats = "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(quantity), 0) AS BIGINT) AS items FROM orders";
    sqlx::query_as(stats).fetch_one(store).instrumented().await
}
{%- if worker %}

pub async fn set_charged(store: &Store, id: i64) -> Result<(), sqlx::Error> {
    let charged = sqlx::query("UPDATE orders SET charged = TRUE WHERE id = $1").bind(id);
    charged.execute(store).instrumented().await.map(drop)
}

/// Removes idempotency keys after a day, when clients no longer repeat requests.
pub async fn forget_keys(store: Store) -> Result<(), sqlx::Error> {
    let forget = "UPDATE orders SET idempotency_key = NULL WHERE idempotency_key IS NOT NULL AND created_at < $1";
    let forget = sqlx::query(forget).bind(now() - 24 * 60 * 60);
    let forgotten = forget.execute(&store).instrumented().await?.rows_affected();
    tracing::info!(forgotten, "idempotency keys forgotten");
    Ok(())
}
{%- endif %}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs().cast_signed()
}

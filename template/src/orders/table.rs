//! The table of orders, and every query about it.

{% if worker -%}
use std::time::{Duration, SystemTime, UNIX_EPOCH};
{%- else -%}
use std::time::{SystemTime, UNIX_EPOCH};
{%- endif %}

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
    /// `pending`, `done`, or `dead`: the charge failed for good.
    pub status: String,
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
{%- if worker %}
    // What becomes of a charge is the queue's to say, so that it can't say one thing and the order another.
    let find = "SELECT orders.id, item, quantity, \
                    CASE WHEN charged THEN 'done' WHEN job.id IS NULL THEN 'pending' ELSE 'dead' END AS status \
                FROM orders LEFT JOIN {% if store == "sqlite" %}Jobs{% else %}apalis.jobs{% endif %} AS job \
                    ON job.job_type = 'charges' AND job.idempotency_key = CAST(orders.id AS TEXT) \
                    AND (job.status = 'Killed' OR (job.status = 'Failed' AND job.attempts >= job.max_attempts)) \
                WHERE orders.id = $1";
{%- else %}
    let find = "SELECT id, item, quantity FROM orders WHERE id = $1";
{%- endif %}
    sqlx::query_as(find)
        .bind(id)
        .fetch_optional(store)
        .observed()
        .await
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

/// Notes that an order is charged.
pub async fn set_charged(store: &Store, id: i64) -> Result<(), sqlx::Error> {
    let charged = sqlx::query("UPDATE orders SET charged = TRUE WHERE id = $1").bind(id);
    charged.execute(store).observed().await.map(drop)
}

/// Forgets keys that no client will send again: their orders are as old as `age`.
pub async fn forget_keys(store: &Store, age: Duration) -> Result<u64, sqlx::Error> {
    let forget = "UPDATE orders SET idempotency_key = NULL WHERE idempotency_key IS NOT NULL AND created_at < $1";
    let before = seconds(SystemTime::now() - age);
    let forgotten = sqlx::query(forget)
        .bind(before)
        .execute(store)
        .observed()
        .await?;
    Ok(forgotten.rows_affected())
}
{%- endif %}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

//! What runs by the clock, run now: what is old goes, and what a client may still ask for stays.

#![cfg(unix)] // for SIGTERM

mod support;

{% if example -%}
use std::time::{Duration, SystemTime, UNIX_EPOCH};
{%- else -%}
use std::time::Duration;
{%- endif %}

use firstlight::jobs::apalis::remove_finished;
use support::{Database, Service};
{% if example %}
use {{crate_name}}::{
    orders::{
        self,
        charge::{CHARGES as QUEUE, Charge},
    },
    store::Db,
};
{%- else %}
use {{crate_name}}::{
    jobs::{GREETINGS as QUEUE, Greeting},
    store::Db,
};
{%- endif %}

#[test]
fn jobs_that_were_done_a_week_ago_are_removed_and_no_others() {
    let database = with_tables();
    let kept = database.inside(async |store| {
        for (key, status, days) in [
            ("dead for long", "Killed", 8),
            ("done long ago", "Done", 8),
            ("done lately", "Done", 6),
            ("open", "Pending", 0),
        ] {
            let mut connection = store.acquire().await.unwrap();
            let job = job();
            let enqueued = QUEUE.enqueue::<Db>(&mut connection, &job, key);
            enqueued.await.unwrap();
            let aged = sqlx::query(AGED).bind(status).bind(days).bind(key);
            aged.execute(&mut *connection).await.unwrap();
        }
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        remove_finished(store, week).await.unwrap();
        let kept = sqlx::query_scalar::<_, String>(KEPT);
        kept.fetch_all(store).await.unwrap()
    });
    assert_eq!(kept, ["dead for long", "done lately", "open"]);
}
{%- if example %}

#[test]
fn keys_that_are_a_day_old_are_forgotten_and_their_orders_are_not() {
    let database = with_tables();
    let kept = database.inside(async |store| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        for (key, hours) in [("old", 25), ("new", 23)] {
            let order = sqlx::query(
                "INSERT INTO orders (item, quantity, created_at, idempotency_key) VALUES ('telescope', 2, $1, $2)",
            );
            let order = order.bind(now - hours * 3600).bind(key);
            order.execute(store).await.unwrap();
        }
        orders::forget_keys(store).await.unwrap();
        let kept = sqlx::query_scalar::<_, Option<String>>(
            "SELECT idempotency_key FROM orders ORDER BY created_at",
        );
        kept.fetch_all(store).await.unwrap()
    });
    assert_eq!(kept, [None, Some("new".to_owned())]);
}
{%- endif %}

/// A database that the service has been on, and is not any more: its own schedules would be in the way.
fn with_tables() -> Database {
    let database = Database::new();
    let mut service = Service::start(&[("DATABASE_URL", &database.url())]);
    service.address();
    assert!(service.terminate().status.success());
    database
}

{% if example -%}
fn job() -> Charge {
    Charge { order_id: 1 }
}
{%- else -%}
fn job() -> Greeting {
    Greeting {
        name: "world".to_owned(),
    }
}
{%- endif %}
{% if store == "sqlite" %}
const AGED: &str =
    "UPDATE Jobs SET status = $1, done_at = unixepoch() - $2 * 86400 WHERE idempotency_key = $3";
const KEPT: &str = "SELECT idempotency_key FROM Jobs ORDER BY idempotency_key";
{%- else %}
const AGED: &str = "UPDATE apalis.jobs SET status = $1, done_at = now() - make_interval(days => $2) WHERE idempotency_key = $3";
const KEPT: &str = "SELECT idempotency_key FROM apalis.jobs ORDER BY idempotency_key";
{%- endif %}

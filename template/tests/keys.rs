//! Tests of the scheduled job that removes old idempotency keys.

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use firstlight::Readiness;
use support::Database;

use {{crate_name}}::orders::table::forget_keys;
use {{crate_name}}::{app::AppState, config::Config};

#[test]
fn keys_are_forgotten_after_a_day() {
    let database = Database::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let kept = runtime.block_on(kept(&database));
    assert_eq!(kept, [None, Some("new".to_owned())]);
}

/// Returns the keys of orders that are 25 and 23 hours old, after the run.
async fn kept(database: &Database) -> Vec<Option<String>> {
    let mut config = Config::from_env().unwrap();
    config.database = config.database.url(database.url()).unwrap();
    let app = AppState::new(&config, &Readiness::default()).await.unwrap();

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    for (key, hours) in [("old", 25), ("new", 23)] {
        let order = sqlx::query(
            "INSERT INTO orders (item, quantity, created_at, idempotency_key) VALUES ('telescope', 2, $1, $2)",
        );
        let order = order.bind(now - hours * 3600).bind(key);
        order.execute(&app.store).await.unwrap();
    }
    forget_keys(app.store.clone()).await.unwrap();
    let kept = sqlx::query_scalar::<_, Option<String>>(
        "SELECT idempotency_key FROM orders ORDER BY created_at",
    );
    let kept = kept.fetch_all(&app.store).await.unwrap();
    app.store.close().await;
    kept
}

//! Alone in its file: what counts installs itself for the whole process.

#![cfg(all(feature = "sqlx", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "tests")]

use firstlight::testing::count_queries;
use sqlx::SqlitePool;

#[tokio::test]
async fn queries_are_counted_without_telemetry() {
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    for times in [3, 0, 1] {
        let asks = async {
            for _ in 0..times {
                sqlx::query("SELECT 1").execute(&pool).await.unwrap();
            }
        };
        let ((), queries) = count_queries(asks).await;
        assert_eq!(queries.texts(), vec!["SELECT ?"; times]);
    }
}

//! Counted queries, without telemetry.

use firstlight::testing::count_queries;
use sqlx::SqlitePool;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn queries_are_counted_by_themselves() {
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

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn foreign_subscribers_are_refused() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    let refused = tokio::spawn(count_queries(async {})).await.unwrap_err();
    let expected = "a tracing subscriber without firstlight's layer";
    assert!(refused.to_string().contains(expected), "{refused}");
}

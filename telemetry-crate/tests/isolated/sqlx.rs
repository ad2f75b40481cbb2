//! Tests of counted queries in a process without telemetry.

use firstlight::testing::count_queries;
use sqlx::SqlitePool;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn queries_count_without_telemetry() {
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    for times in [3, 0, 1] {
        let work = async {
            for _ in 0..times {
                sqlx::query("SELECT 1").execute(&pool).await.unwrap();
            }
        };
        let ((), queries) = count_queries(work).await;
        assert_eq!(queries.texts(), vec!["SELECT ?"; times]);
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn foreign_subscribers_are_rejected() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    let rejected = tokio::spawn(count_queries(async {})).await.unwrap_err();
    let expected = "a tracing subscriber without firstlight's layer";
    assert!(rejected.to_string().contains(expected), "{rejected}");
}

//! Alone in its file: it installs what is global in a process.

#![cfg(all(feature = "sqlx", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "tests")]

use firstlight::testing::count_queries;

#[tokio::test]
#[should_panic(expected = "a tracing subscriber without firstlight's layer")]
async fn queries_are_not_counted_beside_a_foreign_subscriber() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    count_queries(async {}).await;
}

//! Test of pooled connections that were opened while the database was read-only.
//!
//! The test is in a process of its own, because rejected writes fail the readiness checks of all pools for ten seconds.

use std::{process::ExitCode, time::Duration};

use firstlight::sqlx::{InstrumentQuery, follow_file};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::time::sleep;

use crate::support::scenario::Scenario;

/// Waits until the pool has closed a read-only connection.
///
/// The option `read_only` opens the connection as if the file were read-only.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run_scenario() -> ExitCode {
    let folder = std::env::temp_dir().join(format!("firstlight-again-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("rows.db");
    let options = SqliteConnectOptions::new().filename(&file);
    let pool = follow_file(SqlitePoolOptions::new().max_connections(2), &file);
    let pool = pool.connect_with(options.clone().create_if_missing(true));
    let pool = pool.await.unwrap();
    let table = sqlx::raw_sql("CREATE TABLE rows (id integer PRIMARY KEY)");
    table.execute(&pool).await.unwrap();

    pool.set_connect_options(options.clone().read_only(true));
    let writer = pool.acquire().await.unwrap();
    let reader = pool.acquire().await.unwrap();
    drop((writer, reader));
    pool.set_connect_options(options);
    assert_eq!(rejected_writes(&pool).await, 1, "the read-only connection");
    for _ in 0..100 {
        if rejected_writes(&pool).await == 0 {
            std::fs::remove_dir_all(&folder).unwrap();
            return ExitCode::SUCCESS;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("a read-only connection stays in the pool");
}

/// Writes on both connections of the pool, and returns the number of failures.
async fn rejected_writes(pool: &SqlitePool) -> usize {
    let mut connections = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    let mut rejected = 0;
    for connection in &mut connections {
        let insert = sqlx::raw_sql("INSERT INTO rows VALUES (NULL)");
        let inserted = insert.execute(&mut **connection).instrumented().await;
        rejected += usize::from(inserted.is_err());
    }
    rejected
}

pub(crate) fn read_only_connections() {
    let (code, stderr) = Scenario::start("reads_only", &[]).end();
    assert_eq!(code, Some(0), "{stderr}");
}

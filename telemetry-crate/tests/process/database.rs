//! A database that could only be read for a while. In a process of its own: what a call is refused fails the readiness checks
//! of all pools for ten seconds.

use std::{process::ExitCode, time::Duration};

use firstlight::sqlx::{InstrumentQuery, follow_file};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::time::sleep;

use crate::support::part::Part;

/// As long as the file was read-only, new connections were to read.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn play() -> ExitCode {
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
    assert_eq!(refused(&pool).await, 1, "the one that only reads");
    for _ in 0..100 {
        if refused(&pool).await == 0 {
            std::fs::remove_dir_all(&folder).unwrap();
            return ExitCode::SUCCESS;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("a connection that only reads stays in the pool");
}

/// Writes on all connections of the pool.
async fn refused(pool: &SqlitePool) -> usize {
    let mut connections = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    let mut refused = 0;
    for connection in &mut connections {
        let insert = sqlx::raw_sql("INSERT INTO rows VALUES (NULL)");
        let inserted = insert.execute(&mut **connection).instrumented().await;
        refused += usize::from(inserted.is_err());
    }
    refused
}

pub(crate) fn writable_again() {
    let (code, stderr) = Part::start("reads_only", &[]).end();
    assert_eq!(code, Some(0), "{stderr}");
}

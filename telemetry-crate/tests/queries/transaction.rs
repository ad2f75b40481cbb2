//! Tests of transactions: after a commit returns `Ok`, its rows are stored.

mod postgresql;

use std::{
    mem::ManuallyDrop,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::{
    Connection, Error, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

use crate::on_runtime;

pub(crate) use postgresql::TESTS as POSTGRES_TESTS;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("transaction::sqlite_keeps_what_it_committed", commits),
    ("transaction::begun_by_statement_are_closed", statements),
    ("transaction::open_savepoints_fail_the_commit", savepoints),
    ("transaction::dropped_savepoints_are_rolled_back", dropped),
    ("transaction::ended_by_statement_fail_the_commit", ended),
    ("transaction::canceled_commits_lose_no_row", canceled),
];

/// A database file whose commits fail on demand, as on a full disk.
///
/// SQLite then rolls back and reports an error.
struct Disk {
    folder: PathBuf,
    journal: SqliteJournalMode,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("firstlight-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            journal: SqliteJournalMode::Wal,
            is_full: Arc::default(),
        }
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.folder.join("rows.db"))
            .create_if_missing(true)
            .journal_mode(self.journal)
    }

    async fn pool(&self, options: SqlitePoolOptions) -> SqlitePool {
        let is_full = Arc::clone(&self.is_full);
        let pool = options
            .max_connections(1)
            .after_connect(move |connection, _| {
                let is_full = Arc::clone(&is_full);
                Box::pin(async move {
                    let mut handle = connection.lock_handle().await?;
                    handle.set_commit_hook(move || !is_full.load(Ordering::Relaxed));
                    Ok(())
                })
            })
            .connect_with(self.options())
            .await
            .unwrap();
        sqlx::raw_sql("CREATE TABLE IF NOT EXISTS rows (id integer PRIMARY KEY)")
            .execute(&pool)
            .await
            .unwrap();
        pool
    }

    /// Returns the rows that another connection sees.
    async fn rows(&self) -> Vec<i64> {
        let mut other = sqlx::SqliteConnection::connect_with(&self.options())
            .await
            .unwrap();
        let rows = sqlx::query_scalar("SELECT id FROM rows ORDER BY id");
        rows.fetch_all(&mut other).await.unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Stores a row in a transaction of firstlight's `begin`.
async fn with_begin(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    let mut transaction = firstlight::sqlx::begin(pool).await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Stores a row in a transaction of sqlx's `begin`.
async fn with_sqlx(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Uses firstlight's `begin` only while the disk is full.
///
/// Otherwise it rolls back a transaction of sqlx's `begin`, and then stores the row without a
/// transaction. A failed transaction must not affect these later uses of the connection.
async fn mixed(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    if (20..40).contains(&id) {
        return with_begin(pool, id).await;
    }
    let mut transaction = pool.begin().await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(1_000 + id);
    insert.execute(&mut *transaction).await?;
    transaction.rollback().await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(pool).await.map(drop)
}

/// Stores a row in a transaction of sqlx's `begin_with`.
async fn begun_with(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Stores a row in a transaction of plain statements.
async fn by_statement(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    let mut connection = pool.acquire().await?;
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut *connection)
        .await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(&mut *connection).await?;
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
    Ok(())
}

/// Stores rows before, while and after the disk is full.
///
/// The rows that were reported as stored must be there, and no others.
async fn assert_keeps(
    disk: Disk,
    pool: SqlitePoolOptions,
    store: impl AsyncFn(&SqlitePool, i64) -> Result<(), Error>,
) {
    let pool = disk.pool(pool).await;
    let mut stored = Vec::new();
    for id in 0..60 {
        disk.is_full
            .store((20..40).contains(&id), Ordering::Relaxed);
        if store(&pool, id).await.is_ok() {
            stored.push(id);
        }
    }
    assert_eq!(disk.rows().await, stored, "{:?}", disk.folder);
    let expected: Vec<_> = (0..20).chain(40..60).collect();
    assert_eq!(stored, expected, "{:?}", disk.folder);
}

fn commits() {
    on_runtime(async {
        let plain = SqlitePoolOptions::new;
        let instrumented = || firstlight::sqlx::instrument_options(SqlitePoolOptions::new());
        assert_keeps(Disk::new("ours"), plain(), with_begin).await;
        assert_keeps(Disk::new("instrumented"), instrumented(), with_begin).await;
        assert_keeps(Disk::new("sqlx"), instrumented(), with_sqlx).await;
        assert_keeps(Disk::new("begin-with"), instrumented(), begun_with).await;
        assert_keeps(Disk::new("statement"), instrumented(), by_statement).await;
        assert_keeps(Disk::new("mixed"), plain(), mixed).await;
        let rollback_journal = |name| {
            let mut disk = Disk::new(name);
            disk.journal = SqliteJournalMode::Delete;
            disk
        };
        assert_keeps(rollback_journal("delete"), plain(), with_begin).await;
        assert_keeps(rollback_journal("sqlx-delete"), instrumented(), with_sqlx).await;
    });
}

fn statements() {
    on_runtime(async {
        let disk = Disk::new("left");
        let pool = disk
            .pool(firstlight::sqlx::instrument_options(
                SqlitePoolOptions::new(),
            ))
            .await;
        let mut connection = pool.acquire().await.unwrap();
        sqlx::raw_sql("BEGIN; INSERT INTO rows VALUES (1)")
            .execute(&mut *connection)
            .await
            .unwrap();
        drop(connection); // an early return after an error would do the same
        sqlx::raw_sql("INSERT INTO rows VALUES (2)")
            .execute(&pool)
            .await
            .unwrap();
        assert_eq!(disk.rows().await, [2]);
    });
}

fn savepoints() {
    on_runtime(async {
        let disk = Disk::new("savepoints");
        let pool = disk.pool(SqlitePoolOptions::new()).await;
        let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
        // A savepoint that is neither released nor rolled back.
        let _ = ManuallyDrop::new(transaction.begin().await.unwrap());
        let insert = sqlx::raw_sql("INSERT INTO rows VALUES (1)");
        insert.execute(&mut *transaction).await.unwrap();
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error}");
        with_begin(&pool, 2).await.unwrap();
        assert_eq!(disk.rows().await, [2]);
    });
}

/// Tests savepoints that are dropped before the commit.
///
/// sqlx rolls a dropped savepoint back with the next use of the connection.
fn dropped() {
    on_runtime(async {
        let disk = Disk::new("dropped");
        let pool = disk.pool(SqlitePoolOptions::new()).await;
        for id in 0..50 {
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
            insert.execute(&mut *transaction).await.unwrap();
            let mut savepoint = transaction.begin().await.unwrap();
            let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(100 + id);
            insert.execute(&mut *savepoint).await.unwrap();
            drop(savepoint);
            transaction.commit().await.unwrap();
        }
        assert_eq!(disk.rows().await, (0..50).collect::<Vec<_>>());
    });
}

/// Tests that a commit fails after a statement has ended the transaction.
///
/// Work after this statement is outside the transaction.
fn ended() {
    on_runtime(async {
        let disk = Disk::new("ended");
        let pool = disk.pool(SqlitePoolOptions::new()).await;
        for end in [
            "COMMIT",
            "END",
            "ROLLBACK",
            "INSERT INTO rows VALUES (1); COMMIT",
        ] {
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            let ending = sqlx::raw_sql(end).execute(&mut *transaction).await;
            ending.unwrap();
            transaction.commit().await.unwrap_err();
        }
        with_begin(&pool, 2).await.unwrap();
        assert_eq!(disk.rows().await, [1, 2]);
    });
}

fn canceled() {
    on_runtime(async {
        let disk = Disk::new("canceled");
        let pool = disk.pool(SqlitePoolOptions::new()).await;
        let mut stored = Vec::new();
        for id in 0..100 {
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
            insert.execute(&mut *transaction).await.unwrap();
            if id % 2 == 0 {
                transaction.commit().await.unwrap();
                stored.push(id);
                continue;
            }
            // The commit is canceled unless it completes at its first poll.
            tokio::select! {
                biased;
                committed = transaction.commit() => if committed.is_ok() { stored.push(id) },
                () = async {} => {}
            }
        }
        let rows = disk.rows().await;
        let lost: Vec<_> = stored.iter().filter(|id| !rows.contains(id)).collect();
        assert!(lost.is_empty(), "{lost:?}");
    });
}

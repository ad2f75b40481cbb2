//! What is said to be stored is stored, whatever becomes of a `BEGIN`, a `COMMIT` or a `ROLLBACK`.

#[path = "transactions/postgresql.rs"]
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
    ("transactions::sqlite_keeps_what_it_committed", commits),
    ("transactions::begun_by_statement_are_closed", statements),
    ("transactions::open_savepoints_refuse_commit", savepoints),
    ("transactions::dropped_savepoints_commit_the_rest", dropped),
    ("transactions::ended_by_statement_refuse_commit", ended),
    ("transactions::cancelled_commits_lose_no_row", cancelled),
];

/// A database in a file whose commits fail on demand, as on a full disk: SQLite rolls back, and says so.
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

    /// What others see.
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

async fn ours(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    let mut transaction = firstlight::sqlx::begin(pool).await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(&mut *transaction).await?;
    transaction.commit().await
}

async fn of_sqlx(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(&mut *transaction).await?;
    transaction.commit().await
}

/// A transaction of ours that fails leaves nothing behind for what uses the pool without it.
async fn mixed(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    if (20..40).contains(&id) {
        return ours(pool, id).await;
    }
    let mut transaction = pool.begin().await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(1_000 + id);
    insert.execute(&mut *transaction).await?;
    transaction.rollback().await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(pool).await.map(drop)
}

async fn begun_with(pool: &SqlitePool, id: i64) -> Result<(), Error> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let insert = sqlx::query("INSERT INTO rows VALUES (?)").bind(id);
    insert.execute(&mut *transaction).await?;
    transaction.commit().await
}

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

/// Every row that was said to be stored is there, no other is, and once there is room again rows are stored.
async fn keeps(
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
        let measured = || firstlight::sqlx::instrument_options(SqlitePoolOptions::new());
        keeps(Disk::new("ours"), plain(), ours).await;
        keeps(Disk::new("measured"), measured(), ours).await;
        keeps(Disk::new("sqlx"), measured(), of_sqlx).await;
        keeps(Disk::new("begin-with"), measured(), begun_with).await;
        keeps(Disk::new("statement"), measured(), by_statement).await;
        keeps(Disk::new("mixed"), plain(), mixed).await;
        let rollback_journal = |name| {
            let mut disk = Disk::new(name);
            disk.journal = SqliteJournalMode::Delete;
            disk
        };
        keeps(rollback_journal("delete"), plain(), ours).await;
        keeps(rollback_journal("sqlx-delete"), measured(), of_sqlx).await;
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
        drop(connection); // as after an error
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
        // Neither released nor rolled back.
        let _ = ManuallyDrop::new(transaction.begin().await.unwrap());
        let insert = sqlx::raw_sql("INSERT INTO rows VALUES (1)");
        insert.execute(&mut *transaction).await.unwrap();
        let refused = transaction.commit().await.unwrap_err();
        assert!(matches!(refused, Error::Protocol(_)), "{refused}");
        ours(&pool, 2).await.unwrap();
        assert_eq!(disk.rows().await, [2]);
    });
}

/// sqlx says that it rolls a savepoint back when it is dropped, and does so later.
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

/// What follows the statement is no part of a transaction, so its commit is no success.
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
        ours(&pool, 2).await.unwrap();
        assert_eq!(disk.rows().await, [1, 2]);
    });
}

fn cancelled() {
    on_runtime(async {
        let disk = Disk::new("cancelled");
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

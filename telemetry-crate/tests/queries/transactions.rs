//! What is said to be stored is stored, whatever becomes of a `BEGIN`, a `COMMIT` or a `ROLLBACK`.

use std::{
    mem::ManuallyDrop,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use firstlight::sqlx::ErrorClass;
use sqlx::{
    AssertSqlSafe, Connection, Error, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

use crate::{on_runtime, postgres};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("transactions::sqlite_keeps_what_it_committed", commits),
    ("transactions::begun_by_statement_are_closed", statements),
    ("transactions::open_savepoints_refuse_commit", savepoints),
    ("transactions::cancelled_commits_lose_no_row", cancelled),
    ("error_class::of_sqlite_codes", classes),
];

pub(crate) const POSTGRES_TESTS: &[(&str, fn())] = &[
    (
        "transactions::failed_savepoint_refuses_commit",
        failed_savepoint,
    ),
    (
        "transactions::postgres_statement_begin_is_closed",
        postgres_statement,
    ),
    ("error_class::of_sqlstates", sqlstates),
];

/// A database in a file whose commits fail on demand, as on a full disk: SQLite rolls back, and says so.
struct Disk {
    folder: PathBuf,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("firstlight-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            is_full: Arc::default(),
        }
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.folder.join("rows.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
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
    name: &str,
    pool: SqlitePoolOptions,
    store: impl AsyncFn(&SqlitePool, i64) -> Result<(), Error>,
) {
    let disk = Disk::new(name);
    let pool = disk.pool(pool).await;
    let mut stored = Vec::new();
    for id in 0..60 {
        disk.is_full
            .store((20..40).contains(&id), Ordering::Relaxed);
        if store(&pool, id).await.is_ok() {
            stored.push(id);
        }
    }
    assert_eq!(disk.rows().await, stored, "{name}");
    let expected: Vec<_> = (0..20).chain(40..60).collect();
    assert_eq!(stored, expected, "{name}");
}

fn commits() {
    on_runtime(async {
        let plain = SqlitePoolOptions::new;
        let measured = || firstlight::sqlx::measured(SqlitePoolOptions::new());
        keeps("ours", plain(), ours).await;
        keeps("measured", measured(), ours).await;
        keeps("sqlx", measured(), of_sqlx).await;
        keeps("begin-with", measured(), begun_with).await;
        keeps("statement", measured(), by_statement).await;
    });
}

fn statements() {
    on_runtime(async {
        let disk = Disk::new("left");
        let pool = disk
            .pool(firstlight::sqlx::measured(SqlitePoolOptions::new()))
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

fn classes() {
    on_runtime(async {
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:")
            .await
            .unwrap();
        let tables = "PRAGMA foreign_keys = 1; CREATE TABLE a (id integer PRIMARY KEY, name text UNIQUE NOT NULL);
            CREATE TABLE b (a integer REFERENCES a); INSERT INTO a VALUES (1, 'x')";
        sqlx::raw_sql(tables)
            .execute(&mut connection)
            .await
            .unwrap();
        for (statement, class) in [
            ("INSERT INTO a VALUES (1, 'y')", ErrorClass::Conflict),
            ("INSERT INTO a VALUES (2, 'x')", ErrorClass::Conflict),
            ("INSERT INTO b VALUES (7)", ErrorClass::Conflict),
            ("INSERT INTO a VALUES ('no id', 'y')", ErrorClass::Invalid),
            ("SELECT zeroblob(2000000000)", ErrorClass::Invalid),
            ("INSERT INTO a VALUES (2, NULL)", ErrorClass::Internal),
            ("SELECT nothing", ErrorClass::Internal),
            (
                "PRAGMA query_only = 1; INSERT INTO a VALUES (3, 'z')",
                ErrorClass::Unavailable,
            ),
            (
                "PRAGMA query_only = 0; PRAGMA max_page_count = 1; INSERT INTO a VALUES (4, hex(zeroblob(90000)))",
                ErrorClass::Unavailable,
            ),
        ] {
            let failed = sqlx::raw_sql(statement).execute(&mut connection).await;
            let error = failed.unwrap_err();
            assert_eq!(ErrorClass::of(&error), class, "{statement}: {error}");
        }
        let missing = sqlx::SqliteConnection::connect("sqlite:///nowhere/rows.db").await;
        let error = missing.unwrap_err();
        assert_eq!(ErrorClass::of(&error), ErrorClass::Unavailable, "{error}");
    });
}

fn failed_savepoint() {
    on_runtime(async {
        let pool = postgres::schema("failed_savepoint").await;
        let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
        let wrong = sqlx::raw_sql("SELECT nothing");
        wrong.execute(&mut *transaction).await.unwrap_err();
        // sqlx takes the whole transaction back here, and would call its commit a success.
        drop(transaction.begin().await.unwrap_err());
        let refused = transaction.commit().await.unwrap_err();
        assert!(matches!(refused, Error::Protocol(_)), "{refused}");
        firstlight::sqlx::begin(&pool)
            .await
            .unwrap()
            .commit()
            .await
            .unwrap();
    });
}

fn postgres_statement() {
    on_runtime(async {
        let pool = postgres::schema("statement_begin").await;
        let make = "CREATE TABLE rows (id bigint)";
        sqlx::raw_sql(make).execute(&pool).await.unwrap();
        for left in ["BEGIN; INSERT INTO rows VALUES (1)", "BEGIN; SELECT 1/0"] {
            let mut connection = pool.acquire().await.unwrap();
            let _ = sqlx::raw_sql(left).execute(&mut *connection).await;
            drop(connection);
            for _ in 0..8 {
                let insert = sqlx::raw_sql("INSERT INTO rows VALUES (2)");
                insert.execute(&pool).await.unwrap();
            }
        }
        let other = postgres::schema_again("statement_begin").await;
        let rows = sqlx::query_scalar::<_, i64>("SELECT id FROM rows");
        assert_eq!(rows.fetch_all(&other).await.unwrap(), [2; 16]);
    });
}

fn sqlstates() {
    on_runtime(async {
        let pool = postgres::schema("classes").await;
        let raised = |state: &str| {
            format!("DO $$ BEGIN RAISE EXCEPTION 'wrong' USING ERRCODE = '{state}'; END $$")
        };
        for (class, states) in [
            (
                ErrorClass::Invalid,
                "22021 22P05 22P02 22001 22003 22007 22008 2201W 54000",
            ),
            (ErrorClass::Conflict, "23505 23503 23P01"),
            (
                ErrorClass::Unavailable,
                "25006 40001 40P01 53100 53300 55P03 57P01 58030 08006",
            ),
            (
                ErrorClass::Internal,
                "22012 22004 23502 23514 25P02 42601 42P01 XX001",
            ),
        ] {
            for state in states.split(' ') {
                let failed = sqlx::raw_sql(AssertSqlSafe(raised(state)));
                let error = failed.execute(&pool).await.unwrap_err();
                assert_eq!(ErrorClass::of(&error), class, "{state}: {error}");
            }
        }
        // Values as they come from clients.
        let text = sqlx::query_scalar::<_, String>("SELECT $1::text").bind("a\0b");
        let error = text.fetch_one(&pool).await.unwrap_err();
        assert_eq!(ErrorClass::of(&error), ErrorClass::Invalid, "{error}");
        let read_only = "SET default_transaction_read_only = on";
        let mut connection = pool.acquire().await.unwrap();
        sqlx::raw_sql(read_only)
            .execute(&mut *connection)
            .await
            .unwrap();
        let make = sqlx::raw_sql("CREATE TABLE rows (id bigint)");
        let error = make.execute(&mut *connection).await.unwrap_err();
        assert_eq!(ErrorClass::of(&error), ErrorClass::Unavailable, "{error}");
    });
}

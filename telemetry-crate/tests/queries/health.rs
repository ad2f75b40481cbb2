//! Tests of readiness checks, and of pools that follow their file.
//!
//! The databases are read-only, busy, or have lost their file.

use std::{fs, path::PathBuf};

use firstlight::sqlx::{ErrorClass, StoreCheckError, follow_file, reachable, writable};
use sqlx::{
    PgPool, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

use crate::{on_runtime, postgres, telemetry};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("health::busy_sqlite_is_ready", busy),
    ("health::read_only_sqlite_is_not_ready", read_only),
    ("health::removed_files_take_no_writes", removed),
    ("health::memory_has_no_file_to_follow", memory),
    ("health::replaced_files_are_reopened", replaced),
    ("health::lost_files_fail_the_commit", lost),
    ("health::commits_check_their_own_file", others),
    ("health::returned_files_take_commits_at_once", returned),
];

pub(crate) const POSTGRES_TESTS: &[(&str, fn())] = &[
    ("health::read_only_server_is_not_ready", read_only_server),
    ("health::locked_row_is_ready", locked),
];

/// A folder with a database file; dropping the value removes the folder.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("firstlight-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("rows.db")
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.file())
            .journal_mode(SqliteJournalMode::Wal)
    }

    async fn pool(&self) -> SqlitePool {
        let options = follow_file(SqlitePoolOptions::new().max_connections(2), self.file());
        let pool = options
            .connect_with(self.options().create_if_missing(true))
            .await
            .unwrap();
        // New connections must not create a removed file again.
        pool.set_connect_options(self.options());
        run(&pool, "CREATE TABLE rows (id integer PRIMARY KEY)").await;
        pool
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a statement that must succeed.
async fn run(pool: &SqlitePool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.unwrap();
}

fn busy() {
    on_runtime(async {
        let folder = Folder::new("busy");
        let pool = folder.pool().await;
        let check = writable(&pool);
        check().await.unwrap();
        let check = writable(&pool); // a new check, which writes at once
        let writer = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        check().await.unwrap();
        writer.commit().await.unwrap();
        let written = "SELECT writes FROM firstlight_write_check";
        let written = sqlx::query_scalar::<_, i64>(written).fetch_one(&pool).await;
        assert_eq!(written.unwrap(), 1);
        // The write is still due. On a slow disk it may time out, and is tried again at the next check.
        for _ in 0..100 {
            check().await.unwrap();
            let written = "SELECT writes FROM firstlight_write_check";
            let written = sqlx::query_scalar::<_, i64>(written).fetch_one(&pool).await;
            if written.unwrap() == 2 {
                return;
            }
        }
        panic!("nothing was written after the file was unlocked");
    });
}

fn read_only() {
    on_runtime(async {
        let folder = Folder::new("read-only");
        folder.pool().await.close().await;
        let pool = SqlitePool::connect_with(folder.options().read_only(true))
            .await
            .unwrap();
        let error = writable(&pool)().await.unwrap_err();
        assert!(matches!(error, StoreCheckError::NotWritten(_)), "{error}");
        reachable(&pool)().await.unwrap();
    });
}

fn removed() {
    on_runtime(async {
        let folder = Folder::new("removed");
        let pool = folder.pool().await;
        let check = writable(&pool);
        check().await.unwrap();
        fs::remove_file(folder.file()).unwrap();
        let lost = sqlx::raw_sql("INSERT INTO rows VALUES (1)")
            .execute(&pool)
            .await;
        assert!(lost.is_err(), "a write into a removed file succeeded");
        let error = check().await.unwrap_err();
        assert!(matches!(error, StoreCheckError::Unreachable(_)), "{error}");
    });
}

fn memory() {
    on_runtime(async {
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = follow_file(pool, ":memory:")
            .connect("sqlite::memory:")
            .await
            .unwrap();
        run(&pool, "CREATE TABLE rows (id integer PRIMARY KEY)").await;
        run(&pool, "INSERT INTO rows VALUES (1)").await;
    });
}

fn replaced() {
    on_runtime(async {
        let folder = Folder::new("replaced");
        let pool = folder.pool().await;
        run(&pool, "INSERT INTO rows VALUES (1)").await;
        for end in ["", "-wal", "-shm"] {
            let mut file = folder.file().into_os_string();
            file.push(end);
            fs::remove_file(file).unwrap();
        }
        folder.pool().await.close().await;
        for _ in 0..3 {
            sqlx::raw_sql("INSERT INTO rows VALUES (NULL)")
                .execute(&pool)
                .await
                .unwrap();
        }
        let other = SqlitePool::connect_with(folder.options()).await.unwrap();
        let rows = sqlx::query_scalar::<_, i64>("SELECT id FROM rows");
        assert_eq!(rows.fetch_all(&other).await.unwrap(), [1, 2, 3]);
    });
}

/// Tests a file that is removed or replaced after the start of a transaction.
fn lost() {
    on_runtime(async {
        telemetry::start();
        for replace in [false, true] {
            let folder = Folder::new(if replace { "swapped" } else { "lost" });
            let pool = folder.pool().await;
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            let insert = sqlx::raw_sql("INSERT INTO rows VALUES (1)");
            insert.execute(&mut *transaction).await.unwrap();
            if replace {
                let copy = folder.0.join("copy.db");
                fs::copy(folder.file(), &copy).unwrap();
                fs::rename(copy, folder.file()).unwrap();
            } else {
                fs::remove_file(folder.file()).unwrap();
            }
            let error = transaction.commit().await.unwrap_err();
            assert!(matches!(error, sqlx::Error::Io(_)), "{error}");
            assert_eq!(ErrorClass::of(&error), ErrorClass::Unavailable);
        }
    });
}

/// Tests a commit in one database after the file of another was removed.
fn others() {
    on_runtime(async {
        let [gone, folder] = ["gone", "stays"].map(Folder::new);
        let pools = [gone.pool().await, folder.pool().await];
        let other = firstlight::sqlx::begin(&pools[0]).await.unwrap();
        let mut transaction = firstlight::sqlx::begin(&pools[1]).await.unwrap();
        let insert = sqlx::raw_sql("INSERT INTO rows VALUES (1)");
        insert.execute(&mut *transaction).await.unwrap();
        fs::remove_file(gone.file()).unwrap();
        transaction.commit().await.unwrap();
        other.commit().await.unwrap_err();
    });
}

/// Tests the first transaction after a missing file exists again.
fn returned() {
    on_runtime(async {
        let folder = Folder::new("returned");
        let pool = folder.pool().await;
        // The pool checks the file when it uses an idle connection.
        run(&pool, "SELECT 1").await;
        let elsewhere = folder.0.join("elsewhere.db");
        fs::rename(folder.file(), &elsewhere).unwrap();
        // Each call closes an idle connection if there is one, and the pool has at most two.
        for _ in 0..2 {
            pool.acquire().await.unwrap_err();
        }
        fs::rename(elsewhere, folder.file()).unwrap();
        let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
        let insert = sqlx::raw_sql("INSERT INTO rows VALUES (1)");
        insert.execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    });
}

fn read_only_server() {
    on_runtime(async {
        let pool = postgres::schema("read_only_server").await;
        writable(&pool)().await.unwrap();
        // A session with this setting is read-only, like every session of a standby.
        let options = postgres::options("read_only_server");
        let options = options.options([("default_transaction_read_only", "on")]);
        let pool = PgPool::connect_with(options).await.unwrap();
        let error = writable(&pool)().await.unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        reachable(&pool)().await.unwrap();
    });
}

fn locked() {
    on_runtime(async {
        let pool = postgres::schema("locked").await;
        writable(&pool)().await.unwrap();
        let mut holder = pool.begin().await.unwrap();
        sqlx::raw_sql("UPDATE firstlight_write_check SET writes = 0")
            .execute(&mut *holder)
            .await
            .unwrap();
        writable(&pool)().await.unwrap();
    });
}

//! SQLite databases, each of which is a file.

use std::{
    fs::{File, TryLockError},
    io,
    time::Duration,
};

use sqlx::{
    Pool, Sqlite,
    migrate::Migrator,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::{DatabaseOptions, Open, OpenError, OwnedDatabase};
use crate::sqlx::{follow_file, instrument_options, instrument_pool, pools::open_pool};

/// The time between two attempts to lock a database.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

impl OwnedDatabase for Sqlite {}

impl Open for Sqlite {
    const EXPECTED: &'static str = "a scheme and a file, such as sqlite://orders.db, or sqlite:///data/orders.db for a file in /data; the only options it may have are mode=rwc and cache";
    const HINT: &'static str = "check that its folder exists and is writable";
    const IS_SHARED: bool = false;

    fn default_url(service: &str) -> String {
        format!("sqlite://{service}.db")
    }

    /// Accepts only addresses of files that SQLite opens for writing.
    ///
    /// SQLite would take the address of another database for the name of a file. A database in
    /// memory would lose its data. A read-only database cannot be created or migrated.
    fn is_url(url: &str) -> bool {
        // Parsed as sqlx does, because `%3Amemory%3A` is in memory as well. SQLite parses a name
        // after `file:` as a URI.
        let Ok(options) = url.parse::<SqliteConnectOptions>() else {
            return false;
        };
        let file = options.get_filename().to_string_lossy();
        let is_file = options.get_filename().file_name().is_some()
            && file != ":memory:"
            && !file.starts_with("file:")
            && !file.ends_with('/')
            && !file.contains('\0');
        let (_, options) = url.split_once('?').unwrap_or((url, ""));
        let known = ["", "mode=rwc", "cache=private", "cache=shared"];
        url.starts_with("sqlite:") && is_file && options.split('&').all(|it| known.contains(&it))
    }

    async fn open(
        options: &DatabaseOptions<Self>,
        migrations: &[Migrator],
    ) -> Result<Pool<Self>, OpenError> {
        let failed = |error| options.failed(error);
        let file = options.url.expose().parse::<SqliteConnectOptions>();
        // sqlx leaves `synchronous` at FULL, so committed data survives a power failure.
        let file = file.map_err(failed)?.journal_mode(SqliteJournalMode::Wal);
        let path = file.get_filename();
        if options.must_exist && !path.exists() {
            return Err(OpenError::Missing {
                variable: options.names[0].clone(),
                path: path.to_owned(),
            });
        }
        let _locked = lock(&file).await.map_err(|error| failed(error.into()))?;
        let pool_options = follow_file(instrument_options(PoolOptions::new()), file.get_filename())
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout);
        let first = file.clone().create_if_missing(!options.must_exist);
        let pool = open_pool(pool_options, first).await.map_err(failed)?;
        // After the first opening, a missing file is an error. An empty file in its place would
        // accept rows that are lost when the original is restored.
        pool.set_connect_options(file.create_if_missing(false));
        instrument_pool(&pool);
        for migrations in migrations {
            migrations.run(&pool).await?;
        }
        Ok(pool)
    }
}

/// Locks the database against other processes that open and migrate it.
///
/// SQLite has no lock that outlasts a transaction. Without this lock, one of two processes that
/// start at the same time would fail: to create a table that the other process has just created, or
/// to switch to the write-ahead log.
///
/// The lock is a separate file, because closing the database's file would release SQLite's locks on
/// it. The operating system releases the lock of a killed process.
#[expect(clippy::incompatible_msrv, reason = "sqlx needs Rust 1.94")]
async fn lock(file: &SqliteConnectOptions) -> io::Result<File> {
    let mut path = file.get_filename().as_os_str().to_owned();
    path.push("-lock");
    let file = File::create(path)?;
    // `File::lock` would need `spawn_blocking`, and a runtime does not end before its blocking
    // closures. A start that is canceled would last as long as the other process's migration.
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_INTERVAL).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{fs, path::PathBuf};

    use sqlx::Executor as _;

    use super::{
        super::tests::{check_settings, check_urls},
        *,
    };

    #[test]
    fn url_must_name_a_file() {
        check_urls::<Sqlite>(
            &[
                "sqlite:orders.db",
                "sqlite:///data/orders.db?mode=rwc&cache=private",
                "sqlite://orders%20of%20today.db",
            ],
            &[
                "nonsense",
                "orders.db",
                "mysql://root:hunter2@host/orders",
                "postgres://user@host/orders",
                "sqlite:",
                "sqlite://",
                "sqlite::memory:",
                "sqlite://%3Amemory%3A",
                "sqlite://file::memory:",
                "sqlite://file%3Aorders.db?mode=rwc",
                "sqlite://?mode=rwc",
                "sqlite:///data/",
                "sqlite:///data/..",
                "sqlite://orders%00.db",
                "sqlite://orders.db?mode=memory",
                "sqlite://orders.db?m%6Fde=memory",
                "sqlite://orders.db?mode=ro",
                "sqlite://orders.db?immutable=1",
                "sqlite://orders.db?vfs=memdb",
                "sqlite://orders.db?mod=rwc",
                "sqlite://orders.db\n",
            ],
        );
    }

    #[test]
    fn settings_have_defaults_and_bounds() {
        check_settings::<Sqlite>("sqlite://the-shop.db", &["SHOP_MAX_CONNECTIONS"]);
    }

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("firstlight-open-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn options(&self) -> DatabaseOptions<Sqlite> {
            let options = DatabaseOptions::from_variables("DATABASE", "shop", |_| None).unwrap();
            let url = format!("sqlite://{}", self.0.join("shop.db").display());
            options.url(url).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn file_has_a_wal_and_is_created_once() {
        let folder = Folder::new("log");
        let pool = folder.options().open(&[]).await.unwrap();
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode");
        assert_eq!(mode.fetch_one(&pool).await.unwrap(), "wal");
        fs::remove_file(folder.0.join("shop.db")).unwrap();
        let query = pool.execute("CREATE TABLE orders (id INTEGER)").await;
        assert!(query.is_err(), "{query:?}");
        let exists = folder.0.join("shop.db").exists();
        assert!(!exists, "the file was created again");
        pool.close().await;
    }

    #[cfg(feature = "testing")]
    #[tokio::test]
    async fn first_wait_has_the_pool_name() {
        let folder = Folder::new("wait");
        let capture = crate::testing::capture();
        let pool = folder.options().open(&[]).await.unwrap();
        let waits = |labels| {
            let waits = capture.histogram("db_client_connection_wait_time_seconds", labels);
            waits.map(|waits| waits.count)
        };
        assert_eq!(
            waits([("db_client_connection_pool_name", "sqlite")]),
            Some(1)
        );
        pool.close().await;
    }

    #[tokio::test]
    async fn missing_file_is_not_created_for_a_tool() {
        let folder = Folder::new("tool");
        let error = folder.options().must_exist().open(&[]).await.unwrap_err();
        let path = folder.0.join("shop.db");
        let expected = format!("DATABASE_URL: {} does not exist; ", path.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
        folder.options().open(&[]).await.unwrap().close().await;
        let pool = folder.options().must_exist().open(&[]).await.unwrap();
        pool.close().await;
    }

    #[tokio::test]
    async fn opening_waits_for_another_process() {
        let folder = Folder::new("lock");
        let held = File::create(folder.0.join("shop.db-lock")).unwrap();
        held.lock().unwrap();
        let options = folder.options();
        let mut opening = std::pin::pin!(options.open(&[]));
        let waited = Duration::from_millis(100);
        let early = tokio::time::timeout(waited, &mut opening).await;
        assert!(early.is_err(), "the database was opened without the lock");
        let exists = folder.0.join("shop.db").exists();
        assert!(!exists, "the file was created without the lock");
        drop(held);
        opening.await.unwrap().close().await;
    }

    /// Drops a runtime while an opening waits for another process.
    ///
    /// A runtime waits for its blocking closures, so the lock must not be one.
    #[test]
    fn canceled_openings_end_with_the_runtime() {
        let folder = Folder::new("canceled");
        let held = File::create(folder.0.join("shop.db-lock")).unwrap();
        held.lock().unwrap();
        let options = folder.options();
        let (ended, has_ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let builder = &mut tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            let waited = Duration::from_millis(100);
            let opening = async { tokio::time::timeout(waited, options.open(&[])).await };
            let is_canceled = runtime.block_on(opening).is_err();
            drop(runtime);
            ended.send(is_canceled).unwrap();
        });
        let deadline = Duration::from_secs(30);
        assert!(has_ended.recv_timeout(deadline).unwrap());
    }

    #[tokio::test]
    async fn missing_folder_is_named() {
        let folder = Folder::new("missing");
        let url = format!("sqlite://{}/none/shop.db", folder.0.display());
        let options = folder.options().url(url).unwrap();
        let message = options.open(&[]).await.unwrap_err().to_string();
        assert_eq!(
            message,
            "DATABASE_URL: cannot open the database; check that its folder exists and is writable"
        );
    }
}

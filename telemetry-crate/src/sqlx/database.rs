//! Settings of a database that a service owns, and its opening and migration.

#[cfg(feature = "sqlx-postgres")]
mod postgres;
#[cfg(feature = "sqlx-sqlite")]
mod sqlite;

use std::{
    any::Any,
    marker::PhantomData,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use sqlx::{
    Database, Pool,
    migrate::{MigrateError, Migrator},
};

use crate::{Secret, config};

/// Default size of a pool, enough for 2,000 queries a second of 5 ms each.
const MAX_CONNECTIONS: u32 = 10;
/// Range of the number of a pool's connections, and of the service's processes.
///
/// Each connection takes memory, and a slot of the server.
const CONNECTION_RANGE: std::ops::RangeInclusive<u32> = 1..=10_000;
/// Default time that a caller waits for a connection.
///
/// It is longer than a short overload lasts, and shorter than clients wait. Otherwise the client's
/// own timeout would come first, and would not show the reason.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// The connect options of opened pools, with the variable of the pool's size.
///
/// The options identify a pool.
static SIZE_VARIABLES: Mutex<Vec<(Weak<dyn Any + Send + Sync>, String)>> = Mutex::new(Vec::new());

/// Returns the variable of the pool's size, if [`DatabaseOptions`] opened it.
///
/// A pool whose connect options were replaced since then is not found.
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
pub(crate) fn size_variable<DB: Database>(pool: &Pool<DB>) -> Option<String> {
    let options: Arc<dyn Any + Send + Sync> = pool.connect_options();
    let known = SIZE_VARIABLES
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let mut named = known.iter();
    let found = named.find(|(opened, _)| std::ptr::addr_eq(opened.as_ptr(), Arc::as_ptr(&options)));
    found.map(|(_, variable)| variable.clone())
}

/// The settings of a database that a service owns.
///
/// ```no_run
/// use firstlight::sqlx::{DatabaseOptions, writable};
/// use sqlx::Sqlite;
///
/// # async fn example(readiness: &firstlight::Readiness) -> Result<(), Box<dyn std::error::Error>> {
/// let options = DatabaseOptions::<Sqlite>::from_env("DATABASE", env!("CARGO_PKG_NAME"))?;
/// let pool = options.open(&[]).await?;
/// readiness.register("database", writable(&pool));
/// # Ok(())
/// # }
/// ```
///
/// `DB` is `sqlx::Sqlite` with the feature `sqlx-sqlite`, and `sqlx::Postgres` with `sqlx-postgres`.
#[derive(Debug)]
pub struct DatabaseOptions<DB> {
    url: Secret<String>,
    /// Names of the variables for errors and warnings: URL, pool size, processes.
    names: [String; 3],
    #[cfg_attr(
        not(feature = "sqlx-postgres"),
        expect(dead_code, reason = "only a server asks for it")
    )]
    service: String,
    max_connections: u32,
    #[cfg_attr(
        not(feature = "sqlx-postgres"),
        expect(dead_code, reason = "only a server asks for it")
    )]
    processes: u32,
    acquire_timeout: Duration,
    must_exist: bool,
    database: PhantomData<fn() -> DB>,
}

/// An invalid setting of a database.
///
/// No message shows the value of a URL, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseOptionsError {
    /// The URL is not that of a database of this kind.
    #[error("{variable}: found {found}, expected {expected}")]
    Url {
        /// The variable.
        variable: String,
        /// The kind of value that was found.
        found: String,
        /// The values that are accepted.
        expected: &'static str,
    },
    /// The value is not a number of connections or processes.
    #[error("{variable}: found {found:?}, expected a number from 1 to 10000")]
    Number {
        /// The variable.
        variable: String,
        /// Its value.
        found: String,
    },
}

/// The reason for which a database could not be opened, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No connection could be opened.
    #[error("{variable}: cannot open the database; {hint}")]
    Open {
        /// The variable with the URL.
        variable: String,
        /// What to check.
        hint: &'static str,
        /// The error of the driver or the server.
        source: sqlx::Error,
    },
    /// The file of an SQLite database is missing.
    ///
    /// It [must exist](DatabaseOptions::must_exist).
    #[error("{variable}: {} does not exist; expected the file of an existing database", path.display())]
    Missing {
        /// The variable with the URL.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// The connection limit of the server, the database or the role is reached.
    ///
    /// PostgreSQL's name for the error is `too_many_connections`.
    #[error(
        "{variable}: found {max_connections}, expected fewer connections, because PostgreSQL's connection limit is reached: each process needs this number, and one more for its readiness check; lower this number, run fewer processes, or raise the limit of the server, the database or the role"
    )]
    Full {
        /// The variable with the size of the pool.
        variable: String,
        /// The size of the pool.
        max_connections: u32,
        /// The error of the server.
        source: sqlx::Error,
    },
    /// A migration failed, or the database has one that this version does not know.
    #[error("cannot migrate the database; a newer version of the service may have migrated it")]
    Migrate(#[from] MigrateError),
}

impl<DB: OwnedDatabase> DatabaseOptions<DB> {
    /// Reads the settings from the environment; an empty variable counts as unset.
    ///
    /// With the prefix `DATABASE`:
    ///
    /// | variable | default |
    /// | --- | --- |
    /// | `DATABASE_URL` | for the service `my-service`, `sqlite://my-service.db` or `postgres://localhost/my_service` |
    /// | `DATABASE_MAX_CONNECTIONS` | 10 |
    /// | `DATABASE_PROCESSES`, PostgreSQL only: the number of the service's processes at full scale | 1 |
    ///
    /// The URL is parsed as sqlx parses it. These are errors as well, although sqlx would accept
    /// them:
    ///
    /// * for SQLite, a database in memory, which loses its data; a read-only database; a folder;
    ///   options other than `mode=rwc` and `cache`;
    /// * for PostgreSQL, an address without a host or without a database, and parameters that sqlx
    ///   ignores: with the typo `sslmod=verify-full` it would not verify the server's certificate.
    ///
    /// # Errors
    ///
    /// Returns [`DatabaseOptionsError`], which names the variable, the value or its kind, and the
    /// expected values.
    pub fn from_env(prefix: &str, service: &str) -> Result<Self, DatabaseOptionsError> {
        Self::from_variables(prefix, service, config::process_lossy)
    }

    fn from_variables(
        prefix: &str,
        service: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, DatabaseOptionsError> {
        let names = ["URL", "MAX_CONNECTIONS", "PROCESSES"].map(|name| format!("{prefix}_{name}"));
        let get = |name: &String| variable(name).filter(|value| !value.is_empty());
        let number = |name: &String, default| {
            let Some(found) = get(name) else {
                return Ok(default);
            };
            let number = found.parse().ok();
            let number = number.filter(|number| CONNECTION_RANGE.contains(number));
            number.ok_or_else(|| DatabaseOptionsError::Number {
                variable: name.clone(),
                found,
            })
        };
        let url = get(&names[0]).unwrap_or_else(|| DB::default_url(service));
        let max_connections = number(&names[1], MAX_CONNECTIONS)?;
        let processes = if DB::IS_SHARED {
            number(&names[2], 1)?
        } else {
            1
        };
        Ok(Self {
            url: check_url::<DB>(url, &names[0])?,
            names,
            service: service.to_owned(),
            max_connections,
            processes,
            acquire_timeout: ACQUIRE_TIMEOUT,
            must_exist: false,
            database: PhantomData,
        })
    }

    /// Replaces the URL, for a tool, or for a test with its own database.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`from_env`](Self::from_env).
    pub fn url(mut self, url: impl Into<String>) -> Result<Self, DatabaseOptionsError> {
        self.url = check_url::<DB>(url.into(), &self.names[0])?;
        Ok(self)
    }

    /// Sets how long a caller waits for a connection; default 3 s.
    ///
    /// After this time, the caller's query fails with `PoolTimedOut`.
    #[must_use]
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Makes a missing SQLite file an error; by default it is created.
    ///
    /// For a tool, which has nothing to do in an empty database.
    #[must_use]
    pub fn must_exist(mut self) -> Self {
        self.must_exist = true;
        self
    }

    /// Opens, migrates and [instruments](super::instrument_pool) the database.
    ///
    /// Migrations run in the given order. Each set needs its own migration table, as
    /// [`jobs::apalis::migrations`](crate::jobs::apalis) has. Of several processes that start at
    /// the same time, one migrates and the others wait: with PostgreSQL by an advisory lock, with
    /// SQLite by a lock on the file `…-lock` beside the database.
    ///
    /// On SQLite, the file is created if it is missing, unless it [must exist](Self::must_exist).
    /// The database has a write-ahead log, so that readers and the single writer do not block each
    /// other. Committed data survives a power failure. A file that is removed later is
    /// [an error](super::follow_file), and is not created again.
    ///
    /// On PostgreSQL, `application_name` is the service, unless the URL sets it. A warning is
    /// logged if the server's connection limit is too low. The service needs connections for twice
    /// its number of processes, because during a deploy the old processes drain while the new
    /// processes start. Each process has its pool and one more connection for its readiness check.
    ///
    /// # Errors
    ///
    /// Returns [`OpenError`] if the database cannot be opened or migrated.
    pub async fn open(&self, migrations: &[Migrator]) -> Result<Pool<DB>, OpenError> {
        let pool = DB::open(self, migrations).await?;
        let options: Arc<dyn Any + Send + Sync> = pool.connect_options();
        let mut known = SIZE_VARIABLES
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.retain(|(opened, _)| opened.strong_count() > 0);
        known.push((Arc::downgrade(&options), self.names[1].clone()));
        drop(known);
        Ok(pool)
    }

    fn failed(&self, source: sqlx::Error) -> OpenError {
        OpenError::Open {
            variable: self.names[0].clone(),
            hint: DB::HINT,
            source,
        }
    }
}

fn check_url<DB: OwnedDatabase>(
    url: String,
    variable: &str,
) -> Result<Secret<String>, DatabaseOptionsError> {
    // A secret's file often ends with a line break. Invalid UTF-8 was replaced by U+FFFD when the
    // variable was read.
    let found = if url.trim() != url || url.contains(char::REPLACEMENT_CHARACTER) {
        "white space around it, or invalid UTF-8".to_owned()
    } else if DB::is_url(&url) {
        return Ok(Secret::new(url));
    } else {
        match url.split_once("://") {
            Some((scheme, _)) => format!("a value that starts with {scheme}://"),
            None => "a value without ://".to_owned(),
        }
    };
    Err(DatabaseOptionsError::Url {
        variable: variable.to_owned(),
        found,
        expected: DB::EXPECTED,
    })
}

/// A kind of database that [`DatabaseOptions`] opens.
///
/// Implemented for `sqlx::Sqlite` and `sqlx::Postgres`.
pub trait OwnedDatabase: Open {}

/// The operations of a kind of database; sealed.
#[expect(unnameable_types, reason = "sealed")]
pub trait Open: Database {
    /// The URLs that are accepted.
    const EXPECTED: &'static str;
    /// What to check if the database cannot be opened.
    const HINT: &'static str;
    /// Whether several processes share the server's connections.
    const IS_SHARED: bool;

    fn default_url(service: &str) -> String;

    fn is_url(url: &str) -> bool;

    fn open(
        options: &DatabaseOptions<Self>,
        migrations: &[Migrator],
    ) -> impl Future<Output = Result<Pool<Self>, OpenError>> + Send;
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Checks that each URL is accepted, or refused without being shown.
    pub(super) fn check_urls<DB: OwnedDatabase + std::fmt::Debug>(good: &[&str], bad: &[&str]) {
        let options_for = |url: &str| {
            let variable = |name: &str| (name == "SHOP_URL").then(|| url.to_owned());
            DatabaseOptions::<DB>::from_variables("SHOP", "shop", variable)
        };
        for url in good {
            assert_eq!(options_for(url).unwrap().url.expose(), url);
        }
        for url in bad {
            let message = options_for(url).unwrap_err().to_string();
            assert!(message.starts_with("SHOP_URL: found "), "{message}");
            assert!(message.contains("expected a"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    /// Checks the defaults of unset and empty variables, and the range of numbers.
    pub(super) fn check_settings<DB: OwnedDatabase + std::fmt::Debug>(url: &str, numbers: &[&str]) {
        let empty = |_: &str| Some(String::new());
        for options in [
            DatabaseOptions::<DB>::from_variables("SHOP", "the-shop", |_| None),
            DatabaseOptions::<DB>::from_variables("SHOP", "the-shop", empty),
        ] {
            let options = options.unwrap();
            assert_eq!(options.url.expose(), url);
            assert_eq!((options.max_connections, options.processes), (10, 1));
        }
        for number in numbers {
            for found in ["0", "-1", "ten", "10001", "4294967295"] {
                let variable = |name: &str| (name == *number).then(|| found.to_owned());
                let error = DatabaseOptions::<DB>::from_variables("SHOP", "shop", variable);
                let message = error.unwrap_err().to_string();
                let start = format!("{number}: found \"{found}\", expected a number from 1 to ");
                assert!(message.starts_with(&start), "{message}");
            }
        }
    }
}

//! A database that a service owns: its settings read and checked, then opened, migrated and instrumented.

#[cfg(feature = "sqlx-postgres")]
mod postgres;
#[cfg(feature = "sqlx-sqlite")]
mod sqlite;

use std::{marker::PhantomData, time::Duration};

use sqlx::{
    Database, Pool,
    migrate::{MigrateError, Migrator},
};

use crate::{Secret, config};

/// Connections of a pool, unless told otherwise: at 5 ms a query, 2,000 queries a second.
const MAX_CONNECTIONS: u32 = 10;
/// Each connection is memory that is reserved, and one that a server has to admit.
const CONNECTIONS: std::ops::RangeInclusive<u32> = 1..=10_000;
/// Longer than a busy moment, and shorter than a client waits, which would otherwise find out later and less clearly.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

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
    /// In errors and warnings, for the URL, the size of the pool, and the number of processes.
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
    database: PhantomData<fn() -> DB>,
}

/// A setting of a database that cannot work. No message shows the value of a URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseOptionsError {
    /// The URL names no database of this kind.
    #[error("{variable}: found {found}, expected {expected}")]
    Url {
        /// The variable.
        variable: String,
        /// What kind of value it has.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Not a number of connections or processes.
    #[error("{variable}: found {found:?}, expected a number from 1 to 10000")]
    Number {
        /// The variable.
        variable: String,
        /// Its value.
        found: String,
    },
}

/// Why a database could not be opened, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No connection.
    #[error("{variable}: cannot open the database; {hint}")]
    Open {
        /// The variable with the URL.
        variable: String,
        /// What to look at.
        hint: &'static str,
        /// What the driver or the server said.
        source: sqlx::Error,
    },
    /// PostgreSQL's `too_many_connections`: of the server, the database, or the role.
    #[error(
        "{variable}: found {max_connections}, expected that PostgreSQL has room for these and one more of each process, and it admits no further connection; lower it, run fewer processes, or raise the limit of the server, the database or the role"
    )]
    Full {
        /// The variable with the size of the pool.
        variable: String,
        /// The size of the pool.
        max_connections: u32,
        /// What the server said.
        source: sqlx::Error,
    },
    /// A migration failed, or is not one of this version of the service.
    #[error("cannot migrate the database; a newer version of the service may have been there")]
    Migrate(#[from] MigrateError),
}

impl<DB: OwnedDatabase> DatabaseOptions<DB> {
    /// Reads the settings from the environment. An empty variable counts as unset.
    ///
    /// With the prefix `DATABASE`:
    ///
    /// | variable | default |
    /// | --- | --- |
    /// | `DATABASE_URL` | for the service `my-service`, `sqlite://my-service.db` or `postgres://localhost/my_service` |
    /// | `DATABASE_MAX_CONNECTIONS` | 10 |
    /// | `DATABASE_PROCESSES`, PostgreSQL only | 1: how many processes of the service there are at full scale |
    ///
    /// The URL is read as sqlx reads it. Refused is also what sqlx would accept and misunderstand:
    ///
    /// * for SQLite, a database in memory, which loses what was accepted; one that can only be read; a folder; options other than
    ///   `mode=rwc` and `cache`;
    /// * for PostgreSQL, an address without a host or without a database, and parameters that sqlx ignores, because
    ///   `sslmod=verify-full` would be a connection without TLS.
    ///
    /// # Errors
    ///
    /// [`DatabaseOptionsError`] names the variable, what was found, and what is expected.
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
            let number = number.filter(|number| CONNECTIONS.contains(number));
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
            url: checked::<DB>(url, &names[0])?,
            names,
            service: service.to_owned(),
            max_connections,
            processes,
            acquire_timeout: ACQUIRE_TIMEOUT,
            database: PhantomData,
        })
    }

    /// Another URL: for a tool, or for a test with a database of its own.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn url(mut self, url: impl Into<String>) -> Result<Self, DatabaseOptionsError> {
        self.url = checked::<DB>(url.into(), &self.names[0])?;
        Ok(self)
    }

    /// How long a caller waits for a connection before its query fails with `PoolTimedOut`; 3 s by default.
    #[must_use]
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Opens the database, brings it up to date, and [instruments](super::instrument_pool) the pool.
    ///
    /// Migrations run in the order given. Each set needs a table of its own for its account, as that of
    /// [`jobs::apalis::migrations`](crate::jobs::apalis) has. Of several processes that start at once, one migrates and the
    /// others wait: under PostgreSQL's advisory lock, or under the lock of the file `…-lock` beside that of SQLite.
    ///
    /// On SQLite, the file is made if it is missing, and has a write-ahead log, so that readers and the one writer don't wait
    /// for each other; what is committed survives a power cut. A file that goes missing later is
    /// [an error](super::follow_file), and not made anew.
    ///
    /// On PostgreSQL, `application_name` is the service, unless the URL has one. A warning says where the server has too little
    /// room: for twice as many processes as there are, because old ones drain while new ones start, each with its pool and one
    /// connection more for its readiness check.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(&self, migrations: &[Migrator]) -> Result<Pool<DB>, OpenError> {
        DB::open(self, migrations).await
    }

    fn failed(&self, source: sqlx::Error) -> OpenError {
        OpenError::Open {
            variable: self.names[0].clone(),
            hint: DB::HINT,
            source,
        }
    }
}

fn checked<DB: OwnedDatabase>(
    url: String,
    variable: &str,
) -> Result<Secret<String>, DatabaseOptionsError> {
    // A secret's file often ends with a line break. Bytes that were no text have become this character.
    let found = if url.trim() != url || url.contains(char::REPLACEMENT_CHARACTER) {
        "white space around it, or bytes that are no text".to_owned()
    } else if DB::is_url(&url) {
        return Ok(Secret::new(url));
    } else {
        match url.split_once("://") {
            Some((scheme, _)) => format!("a value that starts with {scheme}://"),
            None => "a value that is no such address".to_owned(),
        }
    };
    Err(DatabaseOptionsError::Url {
        variable: variable.to_owned(),
        found,
        expected: DB::EXPECTED,
    })
}

/// A kind of database that [`DatabaseOptions`] opens: `sqlx::Sqlite` or `sqlx::Postgres`.
pub trait OwnedDatabase: Open {}

/// Sealed: which databases there are is decided here.
#[expect(unnameable_types, reason = "sealed")]
pub trait Open: Database {
    /// What its URL may be.
    const EXPECTED: &'static str;
    /// What to look at if it cannot be opened.
    const HINT: &'static str;
    /// Whether its connections are those of several processes.
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

    /// Each URL is accepted, or refused by a message that does not show it.
    pub(super) fn urls<DB: OwnedDatabase + std::fmt::Debug>(good: &[&str], bad: &[&str]) {
        let with = |url: &str| {
            let variable = |name: &str| (name == "SHOP_URL").then(|| url.to_owned());
            DatabaseOptions::<DB>::from_variables("SHOP", "shop", variable)
        };
        for url in good {
            assert_eq!(with(url).unwrap().url.expose(), url);
        }
        for url in bad {
            let message = with(url).unwrap_err().to_string();
            assert!(message.starts_with("SHOP_URL: found "), "{message}");
            assert!(message.contains("expected a"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    /// Unset or empty variables have defaults; each of these refuses what is no number of connections.
    pub(super) fn settings<DB: OwnedDatabase + std::fmt::Debug>(url: &str, numbers: &[&str]) {
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

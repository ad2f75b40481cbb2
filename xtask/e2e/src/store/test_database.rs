//! A database for one case, and services that use it.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use support::{process::Process, tools::PostgresServer};

use super::DEADLINE;
use crate::service::Service;

/// A database in which a service creates its tables when it starts.
pub(super) struct Database<'a> {
    server: &'a PostgresServer,
    program: &'a Path,
    name: &'static str,
}

impl<'a> Database<'a> {
    /// Creates the database; `name` must be an SQL identifier without quotes.
    pub(super) fn create(
        server: &'a PostgresServer,
        program: &'a Path,
        name: &'static str,
    ) -> anyhow::Result<Self> {
        Self::create_in(server, program, name, "pg_default")
    }

    /// Creates the database in a tablespace.
    pub(super) fn create_in(
        server: &'a PostgresServer,
        program: &'a Path,
        name: &'static str,
        tablespace: &str,
    ) -> anyhow::Result<Self> {
        let create = format!("CREATE DATABASE {name} TABLESPACE {tablespace}");
        server.psql("postgres", &create)?;
        Ok(Self {
            server,
            program,
            name,
        })
    }

    /// Starts an instance of the service.
    pub(super) fn serve(&self, settings: &[(&str, &str)]) -> anyhow::Result<Service> {
        self.serve_traced(None, settings)
    }

    /// Starts an instance of the service that exports its spans to `collector`.
    pub(super) fn serve_traced(
        &self,
        collector: Option<&str>,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Service> {
        let url = self.server.url_of(self.name);
        let mut all = vec![("DATABASE_URL", &*url)];
        all.extend(settings);
        Service::start(self.program, collector, &all)
    }

    /// Opens a `psql` session, which keeps locks until it is closed.
    pub(super) fn session(&self) -> anyhow::Result<Process> {
        self.server.session(self.name)
    }

    /// Repeats the query `count` until its result is at least `expected`.
    pub(super) fn wait_for(&self, what: &str, count: &str, expected: i64) -> anyhow::Result<()> {
        let until = Instant::now() + DEADLINE;
        loop {
            let found = self.number(count)?;
            if found >= expected {
                return Ok(());
            }
            ensure!(
                Instant::now() < until,
                "found {found} {what}, expected {expected}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until no client is connected.
    ///
    /// Then the transactions of a killed process are either committed or rolled back.
    pub(super) fn wait_until_unused(&self) -> anyhow::Result<()> {
        self.wait_for("for \"no session is left\"", NO_SESSION, 1)
    }

    /// The rows of a query as columns of text.
    pub(super) fn rows(&self, sql: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let printed = self.server.psql(self.name, sql)?;
        let rows = printed.lines().filter(|line| !line.is_empty());
        let columns = |row: &str| row.split('|').map(str::to_owned).collect();
        Ok(rows.map(columns).collect())
    }

    /// The numbers in the first row of a query.
    pub(super) fn numbers<const N: usize>(&self, sql: &str) -> anyhow::Result<[i64; N]> {
        let rows = self.rows(sql)?;
        let row = rows.first().with_context(|| format!("no row: {sql}"))?;
        let numbers: Result<Vec<i64>, _> = row.iter().map(|column| column.parse()).collect();
        let numbers = numbers.with_context(|| format!("found {row:?}, expected numbers: {sql}"))?;
        numbers
            .try_into()
            .ok()
            .with_context(|| format!("found {row:?}, expected {N} numbers: {sql}"))
    }

    /// The single number that a query returns.
    pub(super) fn number(&self, sql: &str) -> anyhow::Result<i64> {
        self.numbers::<1>(sql).map(|[number]| number)
    }
}

/// Returns 1 if no other session uses the database, and 0 otherwise.
const NO_SESSION: &str = "
    SELECT (COUNT(*) = 0)::INT FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

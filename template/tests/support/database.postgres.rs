//! An empty database for each test, on a PostgreSQL server.

use std::{
    env, process,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Default of `TEST_DATABASE_URL`: a local server that asks for no password.
///
/// `docker run -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres:18.6` starts one.
const DEFAULT: &str = "postgres://postgres@localhost:5432/postgres";

/// A database that exists until this value is dropped.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let server = env::var("TEST_DATABASE_URL").unwrap_or_else(|_| DEFAULT.to_owned());
        let name = concat!(env!("CARGO_PKG_NAME"), "-", env!("CARGO_CRATE_NAME"));
        let name = format!("{name}-{}-{number}", process::id());
        let database = Self { server, name };
        database
            .run(format!("CREATE DATABASE \"{}\"", database.name))
            .expect("TEST_DATABASE_URL is a PostgreSQL server whose user may create databases");
        database
    }

    pub fn url(&self) -> String {
        // The path of the URL is the name of the database, and parameters may follow it.
        let end = self.server.find('?').unwrap_or(self.server.len());
        let (address, parameters) = self.server.split_at(end);
        let (address, _) = address.rsplit_once('/').expect("a database in the address");
        format!("{address}/{}{parameters}", self.name)
    }

    /// Environment variables for the service.
    pub fn variables(&self) -> [(&'static str, String); 1] {
        [("DATABASE_URL", self.url())]
    }

    /// Returns `true`; only a SQLite file can have a write-ahead log beside it.
    pub fn is_at_rest(&self) -> bool {
        true
    }

    /// Runs a statement on the server, but not in this database.
    pub fn run(&self, sql: String) -> Result<(), sqlx::Error> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let mut server = PgConnection::connect(&self.server).await?;
            let run = sqlx::raw_sql(AssertSqlSafe(sql));
            run.execute(&mut server).await?;
            server.close().await
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // FORCE, because connections of a killed service may still be open.
        let name = &self.name;
        let _ = self.run(format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
    }
}

{%- if store == "sqlite" -%}
//! An empty database for each test, in a file that goes away with it.

use std::{
    env,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};
{%- if worker %}

use firstlight::Secret;

use {{crate_name}}::{
    config::Config,
    store::{self, Store},
};
{%- endif %}

pub struct Database(PathBuf);

impl Database {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = concat!(env!("CARGO_PKG_NAME"), "-", env!("CARGO_CRATE_NAME"));
        Self(env::temp_dir().join(format!("{name}-{}-{number}.db", process::id())))
    }

    /// For `DATABASE_URL`.
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.0.display())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for suffix in ["", "-lock", "-shm", "-wal"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}
{%- else -%}
//! An empty database for each test, on the PostgreSQL server of `TEST_DATABASE_URL`.

use std::{
    env, process,
    sync::atomic::{AtomicU32, Ordering},
};

{% if worker -%}
use firstlight::Secret;
{% endif -%}
use sqlx::{AssertSqlSafe, Connection, PgConnection};
{%- if worker %}

use {{crate_name}}::{
    config::Config,
    store::{self, Store},
};
{%- endif %}

/// A server of this machine that asks for no password: docker run -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres:18.6
const DEFAULT: &str = "postgres://postgres@localhost:5432/postgres";

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
            .expect("TEST_DATABASE_URL is a PostgreSQL server where databases may be made");
        database
    }

    /// For `DATABASE_URL`.
    pub fn url(&self) -> String {
        // The path is the database; parameters may follow it.
        let end = self.server.find('?').unwrap_or(self.server.len());
        let (address, parameters) = self.server.split_at(end);
        let (address, _) = address.rsplit_once('/').expect("a database in the address");
        format!("{address}/{}{parameters}", self.name)
    }

    /// Runs a statement on the server, outside of this database.
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
        // FORCE: a killed service has not said goodbye.
        let name = &self.name;
        let _ = self.run(format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
    }
}
{%- endif %}
{%- if worker %}

impl Database {
    /// Looks at it through the service's own pool.
    pub fn inside<T>(&self, look: impl AsyncFnOnce(&Store) -> T) -> T {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let mut config = Config::from_env().expect("a configuration");
            config.database_url = Secret::new(self.url());
            let store = store::connect(&config).await.expect("the database");
            let seen = look(&store).await;
            store.close().await;
            seen
        })
    }
}
{%- endif %}

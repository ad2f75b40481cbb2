//! PostgreSQL databases, whose server has one connection limit for all processes.

use sqlx::{
    ConnectOptions as _, Error, Pool, Postgres, migrate::Migrator, pool::PoolOptions,
    postgres::PgConnectOptions,
};
use tokio::time::timeout;

use super::{DatabaseOptions, Open, OpenError, OwnedDatabase};
use crate::{
    db::TARGET,
    sqlx::{instrument_options, instrument_pool, pools::open_pool},
};

/// Parameters of a URL that sqlx supports.
///
/// sqlx ignores all others with a warning. For example, with `sslmod=verify-full` it would not
/// verify the server's certificate.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Query for the number of connections allowed to this role in this database.
///
/// The number includes connections that are in use.
const CONNECTION_LIMIT: &str = "
SELECT least(
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int,
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user)
)";

impl OwnedDatabase for Postgres {}

impl Open for Postgres {
    const EXPECTED: &'static str = "an address such as postgres://user:password@host:5432/database?sslmode=verify-full, with a host, a database, and parameters that sqlx knows";
    const HINT: &'static str = "check that the server is up and that the user exists";
    const IS_SHARED: bool = true;

    /// Replaces dashes, because SQL allows them only in quoted names.
    fn default_url(service: &str) -> String {
        format!("postgres://localhost/{}", service.replace('-', "_"))
    }

    /// Refuses addresses of other databases, and those without a server or database.
    ///
    /// sqlx would take parts of another database's address for PostgreSQL's, and would guess a
    /// missing part.
    fn is_url(url: &str) -> bool {
        let Some(("postgres" | "postgresql", rest)) = url.split_once("://") else {
            return false;
        };
        let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (server, database) = address.split_once('/').unwrap_or((address, ""));
        let host = server.rsplit('@').next().unwrap_or_default();
        let given: Vec<(&str, &str)> = (parameters.split('&').filter(|it| !it.is_empty()))
            .map(|it| it.split_once('=').unwrap_or((it, "")))
            .collect();
        let names = |name| given.iter().any(|it| it.0 == name && !it.1.is_empty());
        (!host.is_empty() || names("host") || names("hostaddr"))
            && (!database.trim_matches('/').is_empty() || names("dbname"))
            && (given.iter()).all(|it| PARAMETERS.contains(&it.0) || it.0.starts_with("options["))
            && !url.contains('#')
            && url.parse::<PgConnectOptions>().is_ok()
    }

    async fn open(
        options: &DatabaseOptions<Self>,
        migrations: &[Migrator],
    ) -> Result<Pool<Self>, OpenError> {
        let server = options.url.expose().parse::<PgConnectOptions>();
        let mut server = server.map_err(|error| options.failed(error))?;
        if server.get_application_name().is_none() {
            // The name is shown in `pg_stat_activity` and in the server's log.
            server = server.application_name(&options.service);
        }
        let pool_options = instrument_options(PoolOptions::new())
            .max_connections(options.max_connections)
            .acquire_timeout(options.acquire_timeout);
        let pool = match open_pool(pool_options, server.clone()).await {
            Ok(pool) => pool,
            Err(Error::PoolTimedOut) => return Err(pool_error(options, &server).await),
            Err(error) => return Err(options.failed(error)),
        };
        instrument_pool(&pool);
        for migrations in migrations {
            migrations.run(&pool).await?;
        }
        warn_of_too_many(options, &pool).await;
        Ok(pool)
    }
}

/// Returns the reason for which the pool got no connection.
///
/// The pool retries until its timeout, and does not report the server's answer.
async fn pool_error(options: &DatabaseOptions<Postgres>, server: &PgConnectOptions) -> OpenError {
    match timeout(options.acquire_timeout, server.connect()).await {
        Ok(Err(source)) if is_full(&source) => OpenError::Full {
            variable: options.names[1].clone(),
            max_connections: options.max_connections,
            source,
        },
        Ok(Err(error)) => options.failed(error),
        Ok(Ok(_)) | Err(_) => options.failed(Error::PoolTimedOut),
    }
}

/// Returns whether the error is `too_many_connections`.
///
/// The exceeded limit is that of the server, the database, or the role.
fn is_full(error: &Error) -> bool {
    let database = error.as_database_error();
    database.is_some_and(|database| database.code().as_deref() == Some("53300"))
}

/// Warns if the connections of all processes may exceed PostgreSQL's limit.
///
/// During a deploy there are twice as many processes, because the old processes drain while the new
/// processes start.
/// Each process has one connection outside its pool, for its readiness check.
async fn warn_of_too_many(options: &DatabaseOptions<Postgres>, pool: &Pool<Postgres>) {
    let (processes, size) = (options.processes, options.max_connections);
    let needed = 2 * u128::from(processes) * (u128::from(size) + 1);
    let query = sqlx::query_scalar::<_, i32>(CONNECTION_LIMIT);
    let admitted = match query.fetch_one(pool).await {
        Ok(admitted) => u128::try_from(admitted).unwrap_or_default(),
        Err(error) => {
            tracing::warn!(target: TARGET, "cannot read the server's connection limit: {error}");
            return;
        }
    };
    if needed > admitted {
        let [_, size_variable, processes_variable] = &options.names;
        tracing::warn!(
            target: TARGET,
            "PostgreSQL admits {admitted} connections, but up to {needed} are needed while a deploy replaces {processes} processes ({processes_variable}), each with a pool of {size} ({size_variable}); lower one of these two numbers, or raise the limit of the server, the database or the role"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{check_settings, check_urls},
        *,
    };

    #[test]
    fn url_must_name_server_and_database() {
        check_urls::<Postgres>(
            &[
                "postgres:///orders?host=/run/postgresql",
                "postgresql://user@host/orders",
                "postgres://host/?dbname=orders",
                "postgres://user:pass%23word@%2Frun%2Fpostgresql/orders",
                "postgres://host/orders?sslmode=verify-full&options[search_path]=orders",
            ],
            &[
                "nonsense",
                "orders.db",
                "mysql://root:hunter2@host/orders",
                "sqlite://orders.db",
                "host=db user=app",
                "postgres://",
                "postgres:///",
                "postgres:///orders",
                "postgres://host",
                "postgres://root:hunter2@host/",
                "postgres://root:hunter2@/orders",
                "postgres://:5432/orders",
                "postgres://host:port/orders",
                "postgres://host/?dbname=",
                "postgres:///orders?host=",
                "postgres://host/orders?sslmod=verify-full",
                "postgres://host/orders?sslmode=ful",
                "postgres://host/orders?password=a&hunter2",
                "postgres://host/orders#fragment",
                "postgres://host/orders\n",
            ],
        );
    }

    #[test]
    fn settings_have_defaults_and_bounds() {
        let numbers = ["SHOP_MAX_CONNECTIONS", "SHOP_PROCESSES"];
        check_settings::<Postgres>("postgres://localhost/the_shop", &numbers);
    }
}

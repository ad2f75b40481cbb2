//! What the service reads from its environment, once, at start. Telemetry reads its own variables; README.md has both.

use std::{env, io};

{% if store != "none" -%}
use firstlight::Secret;
{% endif -%}
{% if store == "sqlite" -%}
use sqlx::sqlite::SqliteConnectOptions;
{% elsif store == "postgres" -%}
use sqlx::postgres::PgConnectOptions;
{% endif -%}
use tokio::net::TcpListener;

{% if store == "sqlite" -%}
/// A file that is named like the service.
const DATABASE_URL: &str = concat!("sqlite://", env!("CARGO_PKG_NAME"), ".db");

{% elsif store == "postgres" -%}
/// A database that is named like the service.
const DATABASE_URL: &str = concat!("postgres://localhost/", env!("CARGO_CRATE_NAME"));

{% endif -%}
/// The service's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `HOST`, an address or a name; default 127.0.0.1, which other machines can't reach.
    pub host: String,
    /// `PORT`; default 8080. 0 takes a free one, which the log line "listening" then names.
    pub port: u16,
{%- if store != "none" %}
    /// `DATABASE_URL`, with a password perhaps; default {% if store == "sqlite" %}a file in the folder that the service is started in{% else %}a database of this machine{% endif %}.
    pub database_url: Secret<String>,
    /// `DATABASE_MAX_CONNECTIONS` of each process; default 10. At 5 ms a query that is 2,000 queries a second{% if store == "postgres" %}.{% else %},
    /// and SQLite writes one at a time anyway.{% endif %}
    pub database_max_connections: u32,
{%- if store == "postgres" %}
    /// `DATABASE_PROCESSES` of this service at full scale; default 1. At its start the service warns if the server has no
    /// room for the connections of all.
    pub database_processes: u32,
{%- endif %}
{%- endif %}
{%- if worker and example %}
    /// `BANK_URL`, where charges go; without one they are only pretended.
    pub bank_url: Option<String>,
{%- endif %}
}

/// What is wrong with the environment, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("PORT: found {found:?}, expected a number from 0 to 65535 (0 takes a free port)")]
    Port { found: String },
{%- if store != "none" %}
    #[error("DATABASE_URL: found {found}, expected {DATABASE_URLS}")]
    DatabaseUrl { found: String },
    #[error("{name}: found {found:?}, expected a number from 1 to 10000")]
    Number { name: &'static str, found: String },
{%- endif %}
{%- if worker and example %}
    #[error(
        "BANK_URL: found {found}, expected an address such as http://bank.internal, without user, query and fragment; for https, Cargo.toml has no TLS yet"
    )]
    BankUrl { found: String },
{%- endif %}
    #[error("HOST, PORT: cannot listen on {host}:{port}; choose a free address of this machine")]
    Listen {
        host: String,
        port: u16,
        source: io::Error,
    },
}

impl Config {
    /// Reads the settings. An empty variable counts as unset.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| Some(env::var_os(name)?.to_string_lossy().into_owned()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str, default: &str| match variable(name) {
            Some(value) if !value.is_empty() => value,
            _ => default.to_owned(),
        };
        let host = get("HOST", "127.0.0.1");
        let port = get("PORT", "8080");
{%- if store == "none" %}
        match port.parse() {
            Ok(port) => Ok(Self { host, port }),
            Err(_) => Err(ConfigError::Port { found: port }),
        }
{%- else %}
        let Ok(port) = port.parse() else {
            return Err(ConfigError::Port { found: port });
        };
        let database_url = database_url(get("DATABASE_URL", DATABASE_URL))?;
        let number = |name, default| {
            let found = get(name, default);
            // Each is memory that is reserved, and a connection that a server has to admit.
            let number = found.parse().ok();
            let number = number.filter(|number| (1..=10_000).contains(number));
            number.ok_or(ConfigError::Number { name, found })
        };
{%- if worker and example %}
        let bank_url = match get("BANK_URL", "") {
            url if url.is_empty() => None,
            url if is_http(&url) => Some(url.trim_end_matches('/').to_owned()),
            url => return Err(ConfigError::BankUrl { found: kind(&url) }),
        };
{%- endif %}
        Ok(Self {
            host,
            port,
            database_url,
            database_max_connections: number("DATABASE_MAX_CONNECTIONS", "10")?,
{%- if store == "postgres" %}
            database_processes: number("DATABASE_PROCESSES", "1")?,
{%- endif %}
{%- if worker and example %}
            bank_url,
{%- endif %}
        })
{%- endif %}
    }

    /// Opens the port.
    pub async fn listen(&self) -> Result<TcpListener, ConfigError> {
        let address = (self.host.as_str(), self.port);
        TcpListener::bind(address)
            .await
            .map_err(|source| ConfigError::Listen {
                host: self.host.clone(),
                port: self.port,
                source,
            })
    }
}
{%- if store == "sqlite" %}

/// What `DATABASE_URL` may be.
const DATABASE_URLS: &str = "a file behind its scheme, such as sqlite://orders.db, or sqlite:///data/orders.db for the one in /data; of options, only mode=rwc and cache";

/// Refuses what SQLite would take for the name of a file, a database in memory, which loses what was accepted, and one that
/// can only be read.
fn is_database(url: &str) -> bool {
    // As sqlx reads it, because `%3Amemory%3A` is in memory, too. SQLite takes a name behind `file:` for a URI.
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
{%- elsif store == "postgres" %}

/// What `DATABASE_URL` may be.
const DATABASE_URLS: &str = "an address such as postgres://user:password@host:5432/database?sslmode=verify-full, with a host, a database, and parameters that sqlx knows";

/// Others are ignored by sqlx, with a warning: `sslmod=verify-full` would be a connection without TLS.
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

/// Refuses another database's address, whose parts would be taken for PostgreSQL's, and one that leaves the server or the database to
/// be guessed.
fn is_database(url: &str) -> bool {
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
{%- endif %}
{%- if store != "none" %}

fn database_url(url: String) -> Result<Secret<String>, ConfigError> {
    // A secret's file often ends with a line break. Bytes that were no text have become this character.
    let found = if url.trim() != url || url.contains(char::REPLACEMENT_CHARACTER) {
        "white space around it, or bytes that are no text".to_owned()
    } else if is_database(&url) {
        return Ok(Secret::new(url));
    } else {
        kind(&url)
    };
    Err(ConfigError::DatabaseUrl { found })
}

/// What an address begins with. Never the value: a password may be in it.
fn kind(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, _)) => format!("a value that starts with {scheme}://"),
        None => "a value that is no such address".to_owned(),
    }
}
{%- endif %}
{%- if worker and example %}

/// Whether this is the address of a server, to which a path can be added.
fn is_http(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|parsed| {
        parsed.scheme() == "http" && parsed.has_host() && !url.contains(['?', '#', '@'])
    })
}
{%- endif %}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unset_or_empty_has_its_default() {
        let config = Config::from_variables(|name| (name == "PORT").then(String::new)).unwrap();
        assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 8080));
    }

    #[test]
    fn an_error_names_the_variable_and_what_was_found() {
        let error = Config::from_variables(|name| (name == "PORT").then(|| "http".to_owned()));
        let message = error.unwrap_err().to_string();
        assert!(message.starts_with("PORT: found \"http\""), "{message}");
    }
{%- if store != "none" %}

    #[test]
    fn sizes_are_numbers_from_one_on() {
        for name in ["DATABASE_MAX_CONNECTIONS"{% if store == "postgres" %}, "DATABASE_PROCESSES"{% endif %}] {
            for found in ["0", "-1", "ten", "10001", "4294967295"] {
                let error = Config::from_variables(|of| (of == name).then(|| found.to_owned()));
                let message = error.unwrap_err().to_string();
                let start = format!("{name}: found \"{found}\", expected a number from 1 to ");
                assert!(message.starts_with(&start), "{message}");
            }
        }
    }

    #[test]
    fn database_url_must_name_a_database() {
        let with = |url: &str| {
            Config::from_variables(|name| (name == "DATABASE_URL").then(|| url.to_owned()))
        };
        for url in [
            DATABASE_URL,
{%- if store == "sqlite" %}
            "sqlite:orders.db",
            "sqlite:///data/orders.db?mode=rwc&cache=private",
            "sqlite://orders%20of%20today.db",
{%- else %}
            "postgres:///orders?host=/run/postgresql",
            "postgresql://user@host/orders",
            "postgres://host/?dbname=orders",
            "postgres://user:pass%23word@%2Frun%2Fpostgresql/orders",
            "postgres://host/orders?sslmode=verify-full&options[search_path]=orders",
{%- endif %}
        ] {
            assert!(with(url).is_ok(), "{url}");
        }
        for url in [
            "nonsense",
            "orders.db",
            "mysql://root:hunter2@host/orders",
{%- if store == "sqlite" %}
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
{%- else %}
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
{%- endif %}
        ] {
            let message = with(url).unwrap_err().to_string();
            assert!(message.starts_with("DATABASE_URL: found "), "{message}");
            assert!(message.contains("expected a"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
{%- endif %}
{%- if worker and example %}

    #[test]
    fn bank_url_must_name_a_server() {
        let with =
            |url: &str| Config::from_variables(|name| (name == "BANK_URL").then(|| url.to_owned()));
        assert!(with("http://bank.internal:8080/v1/").is_ok());
        for url in [
            "bank.internal",
            "http://",
            "https://bank.internal",
            "http://bank/?x=1",
            "http://bank?",
            "http://bank/#f",
            "http://root:hunter2@bank",
        ] {
            let message = with(url).unwrap_err().to_string();
            assert!(message.starts_with("BANK_URL: found a value"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
{%- endif %}
}

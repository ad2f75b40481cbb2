//! What the service reads from its environment, once, at start. Telemetry reads its own variables; README.md has both.

use std::{env, io};

{% if store != "none" -%}
use firstlight::Secret;
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
    /// `HOST`, an address or a name; default 127.0.0.1, so that nobody else gets in until you say so.
    pub host: String,
    /// `PORT`; default 8080. 0 takes a free one, which the log line "listening" then names.
    pub port: u16,
{%- if store != "none" %}
    /// `DATABASE_URL`, with a password perhaps; default {% if store == "sqlite" %}a file in the folder that the service is started in{% else %}a database of this machine{% endif %}.
    pub database_url: Secret<String>,
    /// `DATABASE_MAX_CONNECTIONS` of each process; default 10. At 5 ms a query that is 2,000 queries a second,{% if store == "postgres" %}
    /// and PostgreSQL has room for eight such processes, each with one more for its probe: it takes 100 unless told otherwise.{% else %}
    /// and SQLite writes one at a time anyway.{% endif %}
    pub database_max_connections: u32,
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
    #[error("DATABASE_MAX_CONNECTIONS: found {found:?}, expected a number from 1 on")]
    MaxConnections { found: String },
{%- endif %}
{%- if worker and example %}
    #[error(
        "BANK_URL: found {found:?}, expected an address such as http://bank.internal; for https, Cargo.toml has no TLS yet"
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
        let database_url = Secret::new(get("DATABASE_URL", DATABASE_URL));
        let connections = get("DATABASE_MAX_CONNECTIONS", "10");
        let database_max_connections = match connections.parse() {
            Ok(connections) if connections > 0 => connections,
            _ => return Err(ConfigError::MaxConnections { found: connections }),
        };
{%- if worker and example %}
        let bank_url = match get("BANK_URL", "") {
            url if url.is_empty() => None,
            url if url.starts_with("http://") => Some(url.trim_end_matches('/').to_owned()),
            found => return Err(ConfigError::BankUrl { found }),
        };
{%- endif %}
        Ok(Self {
            host,
            port,
            database_url,
            database_max_connections,
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
}

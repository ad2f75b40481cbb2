//! What the service reads from its environment, once, at start. Telemetry reads its own variables; README.md has both.

use std::{env, error::Error};

{% if store != "none" -%}
use firstlight::sqlx::DatabaseOptions;
{% endif -%}
use tokio::net::TcpListener;

/// The service's settings.
#[derive(Debug)]
pub struct Config {
    /// `HOST`, an address or a name; default 127.0.0.1, which other machines can't reach.
    pub host: String,
    /// `PORT`; default 8080. 0 takes a free one, which the log line "listening" then names.
    pub port: u16,
{%- if store != "none" %}
    /// `DATABASE_URL` and its like; by default a database that is named like the service.
    pub database: DatabaseOptions<crate::store::Db>,
{%- endif %}
{%- if worker and example %}
    /// `BANK_URL`, where charges go; without one they are only pretended.
    pub bank_url: Option<String>,
{%- endif %}
}

impl Config {
    /// Reads the settings. An empty variable counts as unset.
    pub fn from_env() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let port = variable("PORT").unwrap_or_else(|| "8080".to_owned());
        let expected = "expected a number from 0 to 65535 (0 takes a free port)";
        Ok(Self {
            host: variable("HOST").unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: (port.parse()).map_err(|_| format!("PORT: found {port:?}, {expected}"))?,
{%- if store != "none" %}
            database: DatabaseOptions::from_env("DATABASE", env!("CARGO_PKG_NAME"))?,
{%- endif %}
{%- if worker and example %}
            bank_url: crate::orders::bank::url(variable("BANK_URL"))?,
{%- endif %}
        })
    }

    /// Opens the port.
    pub async fn listen(&self) -> Result<TcpListener, Box<dyn Error + Send + Sync>> {
        let Self { host, port, .. } = self;
        let listener = TcpListener::bind((host.as_str(), *port)).await;
        let failed = |error| format!("HOST, PORT: cannot listen on {host}:{port}: {error}");
        Ok(listener.map_err(failed)?)
    }
}

fn variable(name: &str) -> Option<String> {
    let value = env::var_os(name)?.to_string_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

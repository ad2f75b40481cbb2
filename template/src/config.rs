//! Settings of the service, read from the environment once at startup.

use std::env;

use anyhow::Context as _;
{% if store != "none" -%}
use firstlight::sqlx::DatabaseOptions;
{% endif -%}
use tokio::net::TcpListener;
{%- if worker and example %}

use crate::orders::bank;
{%- endif %}

/// The service's settings.
#[derive(Debug)]
pub struct Config {
    /// `HOST`: address or name to listen on, by default 127.0.0.1.
    pub host: String,
    /// `PORT`: port to listen on, by default 8080; 0 takes a free port.
    pub port: u16,
{%- if store != "none" %}
    /// `DATABASE_URL` and more: by default a database named like the service.
    pub database: DatabaseOptions<crate::store::Db>,
{%- endif %}
{%- if worker and example %}
    /// `BANK_URL`: address of the bank; without one, charges are simulated.
    pub bank_url: Option<String>,
{%- endif %}
}

impl Config {
    /// Reads the settings. An empty variable counts as unset.
    pub fn from_env() -> anyhow::Result<Self> {
        let port = variable("PORT").unwrap_or_else(|| "8080".to_owned());
        let expected = "expected a number from 0 to 65535 (0 takes a free port)";
{%- if worker and example %}
        Ok(Self {
            host: variable("HOST").unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: (port.parse()).with_context(|| format!("PORT: found {port:?}, {expected}"))?,
            database: DatabaseOptions::from_env("DATABASE", env!("CARGO_PKG_NAME"))?,
            bank_url: variable("BANK_URL").map(bank::url).transpose()?,
        })
{%- elsif store != "none" %}
        Ok(Self {
            host: variable("HOST").unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: (port.parse()).with_context(|| format!("PORT: found {port:?}, {expected}"))?,
            database: DatabaseOptions::from_env("DATABASE", env!("CARGO_PKG_NAME"))?,
        })
{%- else %}
        Ok(Self {
            host: variable("HOST").unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: (port.parse()).with_context(|| format!("PORT: found {port:?}, {expected}"))?,
        })
{%- endif %}
    }

    /// Opens the port.
    pub async fn listen(&self) -> anyhow::Result<TcpListener> {
        let (host, port) = (self.host.as_str(), self.port);
        let listener = TcpListener::bind((host, port)).await;
        listener.with_context(|| format!("HOST, PORT: cannot listen on {host}:{port}"))
    }
}

fn variable(name: &str) -> Option<String> {
    let value = env::var_os(name)?.to_string_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

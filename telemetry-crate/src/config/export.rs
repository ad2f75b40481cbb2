//! Where spans go: the OTLP variables, with the specification's precedence between the general and the specific ones.

use std::{fmt, time::Duration};

use http::Uri;

use super::{
    TelemetryConfig, env,
    env::{Env, key_values, positive},
};
use crate::InitError;

/// Where spans go, and in what portions.
#[derive(Clone)]
pub(crate) struct ExportSettings {
    /// Complete, with its path and without credentials.
    pub(crate) endpoint: Uri,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) request_timeout: Duration,
    pub(crate) batch_timeout: Duration,
    pub(crate) schedule_delay: Duration,
    pub(crate) max_queue_size: usize,
    pub(crate) max_batch_size: usize,
}

impl fmt::Debug for ExportSettings {
    // Header values are credentials more often than not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportSettings")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

pub(super) fn export(
    config: &TelemetryConfig,
    env: &mut Env<'_>,
) -> Result<Option<ExportSettings>, InitError> {
    let named = env.first(&[env::OTLP_TRACES_ENDPOINT, env::OTLP_ENDPOINT]);
    let exporter = env.parsed(
        env::TRACES_EXPORTER,
        "`otlp` or `none`",
        |value| match value {
            "otlp" => Some(true),
            "none" => Some(false),
            _ => None,
        },
    );
    if !exporter.unwrap_or(named.is_some() || config.otlp_endpoint.is_some()) {
        return Ok(None);
    }

    if let Some((variable, protocol)) = env.first(&[env::OTLP_TRACES_PROTOCOL, env::OTLP_PROTOCOL])
        && protocol != "http/protobuf"
    {
        return Err(InitError::invalid(
            variable,
            protocol,
            "`http/protobuf`, usually on the collector's port 4318",
        ));
    }
    let endpoint = match named {
        Some((variable, value)) if variable == env::OTLP_TRACES_ENDPOINT => {
            endpoint(variable, &value, "")?
        }
        Some((variable, value)) => endpoint(variable, &value, "/v1/traces")?,
        None => {
            let base = config
                .otlp_endpoint
                .as_deref()
                .unwrap_or("http://localhost:4318");
            endpoint("TelemetryConfig::otlp_endpoint", base, "/v1/traces")?
        }
    };

    let max_queue_size = env
        .parsed(env::BSP_MAX_QUEUE_SIZE, "a positive number", positive)
        .unwrap_or(2048);
    let max_batch_size = env
        .parsed(
            env::BSP_MAX_EXPORT_BATCH_SIZE,
            "a positive number",
            positive,
        )
        .unwrap_or(512);
    Ok(Some(ExportSettings {
        endpoint,
        headers: headers(env),
        request_timeout: env
            .milliseconds(env::OTLP_TRACES_TIMEOUT)
            .or_else(|| env.milliseconds(env::OTLP_TIMEOUT))
            .unwrap_or(Duration::from_secs(10)),
        batch_timeout: env
            .milliseconds(env::BSP_EXPORT_TIMEOUT)
            .unwrap_or(Duration::from_secs(30)),
        schedule_delay: env
            .milliseconds(env::BSP_SCHEDULE_DELAY)
            .unwrap_or(Duration::from_secs(5)),
        max_queue_size,
        // Specification: the batch must not be larger than the queue.
        max_batch_size: max_batch_size.min(max_queue_size),
    }))
}

fn endpoint(setting: &str, value: &str, path: &str) -> Result<Uri, InitError> {
    let complete = match path {
        "" => value.to_owned(),
        _ => format!("{}{path}", value.trim_end_matches('/')),
    };
    let shown = without_credentials(value);
    let uri: Uri = complete.parse().map_err(|_| {
        InitError::invalid(
            setting,
            &*shown,
            "an address with a scheme, such as http://localhost:4318",
        )
    })?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) if authority.as_str().contains('@') => {
            Err(InitError::invalid(
                setting,
                shown,
                "an address without credentials: put them into OTEL_EXPORTER_OTLP_HEADERS",
            ))
        }
        (Some("http"), Some(_)) => Ok(uri),
        (Some("https"), _) => Err(InitError::invalid(
            setting,
            shown,
            "an http:// address: this version has no TLS, so export to a collector or agent beside the service and let that one encrypt",
        )),
        _ => Err(InitError::invalid(
            setting,
            shown,
            "an address with a scheme, such as http://localhost:4318",
        )),
    }
}

fn without_credentials(url: &str) -> String {
    // Some vendors want their keys there.
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let query = if query.is_empty() { "" } else { "?***" };
    let shown = match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}***{}", &url[..scheme + 3], &url[at..])
        }
        (None, Some(at)) => format!("***{}", &url[at..]),
        _ => url.to_owned(),
    };
    shown + query
}

fn headers(env: &mut Env<'_>) -> Vec<(String, String)> {
    let Some((variable, list)) = env.first(&[env::OTLP_TRACES_HEADERS, env::OTLP_HEADERS]) else {
        return Vec::new();
    };
    key_values(&list).unwrap_or_else(|| {
        // Not the value: it is where API keys live.
        env.warn(
            variable,
            "***",
            "`key=value,key=value` with percent-encoded values",
        );
        Vec::new()
    })
}

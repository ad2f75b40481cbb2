//! The HTTP client under the OTLP exporter: small, and it remembers why a request failed.
//!
//! The SDK hands on "network error"; at 3 a.m. the difference between a refused connection, a name that does not
//! resolve and a time-out is the whole question.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use opentelemetry_http::{HttpClient, HttpError};

use super::stats::{ExportError, ExportStats};
use crate::error::with_causes;

/// An OTLP answer is a few bytes; a wrong server's error page need not be read whole.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct OtlpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    timeout: Duration,
    stats: Arc<ExportStats>,
}

impl OtlpClient {
    pub(super) fn new(timeout: Duration, stats: Arc<ExportStats>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Collectors and load balancers close idle connections after a minute or more.
            .pool_idle_timeout(Duration::from_secs(30))
            .build_http();
        Self {
            client,
            timeout,
            stats,
        }
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ExportError> {
        let response = self
            .client
            .request(request.map(Full::new))
            .await
            .map_err(|error| ExportError {
                kind: if error.is_connect() {
                    "connect"
                } else {
                    "network"
                }
                .to_owned(),
                text: with_causes(&error),
            })?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_RESPONSE_BYTES)
            .collect()
            .await
            .map_err(|error| ExportError {
                kind: "network".to_owned(),
                text: format!("reading the answer: {error}"),
            })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let result = match tokio::time::timeout(self.timeout, self.send(request)).await {
            Ok(result) => result,
            Err(_) => Err(ExportError {
                kind: "timeout".to_owned(),
                text: format!(
                    "no answer within OTEL_EXPORTER_OTLP_TIMEOUT, {} ms",
                    self.timeout.as_millis()
                ),
            }),
        };
        match result {
            Ok(response) => {
                let status = response.status();
                if !status.is_success() {
                    // Not the body: collectors echo what they were sent.
                    let text = format!("the collector answered {status}");
                    self.stats.remember(ExportError {
                        kind: status.as_u16().to_string(),
                        text,
                    });
                }
                Ok(response)
            }
            Err(error) => {
                let text = error.text.clone();
                self.stats.remember(error);
                Err(text.into())
            }
        }
    }
}

//! The routes of the admin listener.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use hyper::body::Incoming;

#[cfg(feature = "otlp-gzip")]
use super::gzip;
use super::{
    Readiness,
    access::Access,
    answer::{Answer, not_allowed, response, text},
    attempts::Attempts,
    log_filter,
};
use crate::{
    metrics::Format,
    status::{Status, versions},
};

const NOT_FOUND: &str =
    "not found; there are /metrics, /livez, /readyz, /log-filter and /telemetry\n";

/// The handlers of all routes.
#[derive(Debug)]
pub(super) struct Routes {
    readiness: Readiness,
    status: Arc<Status>,
    access: Access,
    attempts: Attempts,
}

impl Routes {
    pub(super) fn new(readiness: Readiness, status: Arc<Status>, access: Access) -> Self {
        Self {
            readiness,
            status,
            access,
            attempts: Attempts::default(),
        }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> Answer {
        if let Some(refused) = self.access.refuse_host(request.uri(), request.headers()) {
            return refused;
        }
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/log-filter" if !is_read => self.change(request, client).await,
            "/metrics" | "/livez" | "/readyz" | "/log-filter" | "/telemetry" if !is_read => {
                not_allowed("GET, HEAD")
            }
            "/metrics" => self.metrics(request.headers()).await,
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => self.readyz().await,
            "/log-filter" => text(StatusCode::OK, self.status.log_filter().describe()),
            "/telemetry" => self.telemetry(request.headers()).await,
            _ => text(StatusCode::NOT_FOUND, NOT_FOUND),
        }
    }

    async fn change(&self, request: Request<Incoming>, client: SocketAddr) -> Answer {
        if !matches!(*request.method(), Method::PUT | Method::DELETE) {
            return not_allowed("GET, HEAD, PUT, DELETE");
        }
        if let Some(refused) = self.access.refuse_change(request.headers()) {
            self.attempts.rejected(client);
            return refused;
        }
        let filter = self.status.log_filter();
        if *request.method() == Method::PUT {
            log_filter::put(filter, request, client).await
        } else {
            log_filter::delete(filter, &request, client)
        }
    }

    async fn metrics(&self, headers: &HeaderMap) -> Answer {
        if !self.status.serves_metrics() {
            let reason = "not served: OTEL_METRICS_EXPORTER does not name prometheus\n";
            return text(StatusCode::NOT_FOUND, reason.to_owned());
        }
        let format = Format::negotiate(Some(&list_header(headers, header::ACCEPT)));
        let exposition = self.status.scrape(format);
        let mut answer = response(StatusCode::OK, format.content_type(), exposition);
        answer.headers_mut().insert(
            header::VARY,
            header::HeaderValue::from_static("accept, accept-encoding"),
        );
        #[cfg(feature = "otlp-gzip")]
        if gzip::is_accepted(&list_header(headers, header::ACCEPT_ENCODING)) {
            answer = gzip::compressed(answer).await;
        }
        answer
    }

    async fn readyz(&self) -> Answer {
        let report = self.readiness.report().await;
        let status = if report.ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        text(status, report.text)
    }

    async fn telemetry(&self, headers: &HeaderMap) -> Answer {
        // The first call of `versions` reads the executable. It runs on another thread, so that probes do not wait for
        // the disk.
        let _ = tokio::task::spawn_blocking(versions).await;
        let report = self.status.report();
        if list_header(headers, header::ACCEPT).contains("application/json") {
            response(StatusCode::OK, "application/json", report.json())
        } else {
            text(StatusCode::OK, report.text())
        }
    }
}

/// Returns all values of a list header, joined by commas.
///
/// Such a header may occur several times (RFC 9110, section 5.3).
fn list_header(headers: &HeaderMap, name: HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

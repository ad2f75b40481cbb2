//! The routes of the admin listener.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};

#[cfg(feature = "otlp-gzip")]
use super::gzip;
use super::{Readiness, access::Access, attempts::Attempts, log_filter};
use crate::{
    metrics::Format,
    status::{Status, versions},
};

pub(super) type Answer = Response<Full<Bytes>>;

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

fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = text(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("only {allowed} here\n"),
    );
    answer
        .headers_mut()
        .insert(header::ALLOW, header::HeaderValue::from_static(allowed));
    answer
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    response(status, "text/plain; charset=utf-8", body)
}

fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    // A response is valid only at the moment of its request.
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    // The body may contain text of a client, which a browser must not interpret.
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        header::HeaderValue::from_static("nosniff"),
    );
    response
}

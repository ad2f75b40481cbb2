//! The routes of the admin listener.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, HeaderName, Request, StatusCode, header};
use hyper::body::Incoming;

#[cfg(feature = "console")]
use super::console;
#[cfg(feature = "otlp-gzip")]
use super::gzip;
#[cfg(feature = "console")]
use super::history::{self, History};
use super::{
    Readiness,
    access::Access,
    answer::{Answer, not_allowed, response, text},
    errors, explain, log_filter, log_lines, recent,
    streams::Streams,
    table::{self, Endpoint, Missing, Need, Route},
    user_data::{self, Responses},
};
use crate::{
    metrics::Format,
    status::{Status, versions},
};

/// The handlers of all routes.
#[derive(Debug)]
pub(super) struct Routes {
    readiness: Readiness,
    status: Arc<Status>,
    access: Access,
    streams: Streams,
    user_data: Responses,
    /// `None` without a flight recorder, or with a small one.
    #[cfg(feature = "console")]
    history: Option<Arc<History>>,
}

impl Routes {
    pub(super) fn new(readiness: Readiness, status: Arc<Status>, access: Access) -> Self {
        Self {
            readiness,
            status,
            access,
            streams: Streams::default(),
            user_data: Responses::default(),
            #[cfg(feature = "console")]
            history: None,
        }
    }

    /// Also serves the history of the console.
    #[cfg(feature = "console")]
    pub(super) fn with_history(mut self, history: Option<Arc<History>>) -> Self {
        self.history = history;
        self
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> Answer {
        if let Some(refused) = self.access.refuse_host(&request) {
            return refused;
        }
        let route = match table::find(request.method(), request.uri().path()) {
            Ok(route) => route,
            Err(Missing::Method(allowed)) => return not_allowed(&allowed),
            Err(Missing::Path) => {
                let sentence = format!("not found; there are {}\n", table::paths());
                return text(StatusCode::NOT_FOUND, sentence);
            }
        };
        if let Some(refused) = self.access.refuse(route, &request, client) {
            return refused;
        }
        if route.need == Need::UserData {
            let Some(place) = self.user_data.begin() else {
                return user_data::all_taken();
            };
            place.hold(self.handle(route, request, client).await).await
        } else {
            self.handle(route, request, client).await
        }
    }

    async fn handle(
        &self,
        route: &Route,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Answer {
        let status = &self.status;
        match route.endpoint {
            Endpoint::Metrics => self.metrics(request.headers()).await,
            Endpoint::Livez => text(StatusCode::OK, "alive\n"),
            Endpoint::Readyz => self.readyz().await,
            Endpoint::LogFilter => log_filter::get(status, request.headers()),
            Endpoint::ChangeLogFilter => log_filter::put(status, request, client).await,
            Endpoint::RevertLogFilter => log_filter::delete(status, &request, client),
            Endpoint::Telemetry => self.telemetry(request.headers()).await,
            Endpoint::Explain => {
                let readiness = self.readiness.report().await;
                explain::answer(status, &readiness, &self.access, request.headers())
            }
            Endpoint::Logs => log_lines::answer(status, &self.streams, &request).await,
            Endpoint::Traces => recent::answer(status, &self.streams, &request),
            Endpoint::Errors => errors::answer(status, request.uri(), request.headers()),
            #[cfg(feature = "console")]
            Endpoint::History => history::answer(status, self.history.as_deref(), request.uri()),
            #[cfg(feature = "console")]
            Endpoint::Console => console::page(status, &self.access, request.headers()),
            #[cfg(feature = "console")]
            Endpoint::ConsoleFile => console::file_of(request.uri().path()),
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

//! Access control: decides whether a request has what its route needs.
//!
//! The rules follow from the address to which the listener is bound. The address of the client says nothing: behind a
//! proxy on the same machine, such as the sidecar of a service mesh, every client comes from loopback.
//!
//! On loopback every process of the machine may read, and web pages of other sites are kept out, see `host`. On other addresses every client that reaches the listener may read metrics and states. User data and changes need the
//! token. If a token is set, changes need it on loopback as well.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Request, StatusCode, header};
use subtle::ConstantTimeEq;

use super::{
    answer::{Answer, text, too_many, with_header},
    audit::Audit,
    host,
    rate_limit::RateLimit,
    table::{self, Need, Route},
};
use crate::Secret;

/// The largest number of requests for user data per second.
///
/// A page that shows several parts and refreshes each second sends less. Such a response may take milliseconds of the
/// thread that answers probes.
const USER_DATA_PER_SECOND: u32 = 20;

/// The access rules of one listener.
#[derive(Debug)]
pub(super) struct Access {
    loopback: bool,
    token: Option<Secret<String>>,
    audit: Audit,
    user_data: RateLimit,
}

/// Why a request does not have what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rejection {
    ForeignOrigin,
    ForeignPage,
    NoTokenSet,
    InvalidToken,
}

impl Rejection {
    /// The end of the log line.
    fn reason(self) -> &'static str {
        match self {
            Self::ForeignOrigin | Self::ForeignPage => "a web page of another site sent it",
            Self::NoTokenSet => "FIRSTLIGHT_ADMIN_TOKEN is not set",
            Self::InvalidToken => "it had no valid token",
        }
    }

    fn answer(self, need: Need) -> Answer {
        let what = if need == Need::Change {
            "changes".to_owned()
        } else {
            table::paths_with_user_data()
        };
        match self {
            Self::ForeignOrigin => text(
                StatusCode::FORBIDDEN,
                format!(
                    "{what} are not for web pages of other sites: the request has an `Origin` that is not the host of this listener\n"
                ),
            ),
            Self::ForeignPage => text(
                StatusCode::FORBIDDEN,
                format!(
                    "{what} are not for web pages of other sites: the request has `Sec-Fetch-Site: cross-site` and does not follow a link\n"
                ),
            ),
            Self::NoTokenSet => text(
                StatusCode::FORBIDDEN,
                format!(
                    "{what} are off, because this listener is not on a loopback address: set FIRSTLIGHT_ADMIN_TOKEN and send it as `Authorization: Bearer ...`, or listen on loopback with OTEL_EXPORTER_PROMETHEUS_HOST=localhost\n"
                ),
            ),
            Self::InvalidToken => with_header(
                text(
                    StatusCode::UNAUTHORIZED,
                    format!(
                        "{what} need the token: send `Authorization: Bearer` and the value of FIRSTLIGHT_ADMIN_TOKEN\n"
                    ),
                ),
                header::WWW_AUTHENTICATE,
                "Bearer",
            ),
        }
    }
}

impl Access {
    pub(super) fn new(address: IpAddr, token: Option<Secret<String>>) -> Self {
        Self {
            loopback: address.to_canonical().is_loopback(),
            token,
            audit: Audit::default(),
            user_data: RateLimit::per_second(USER_DATA_PER_SECOND),
        }
    }

    /// Rejects a request that is not for a host of this listener.
    pub(super) fn refuse_host<B>(&self, request: &Request<B>) -> Option<Answer> {
        host::refuse(request, self.loopback)
    }

    /// Rejects a request without what its route needs.
    ///
    /// Also rejects reads of user data beyond [`USER_DATA_PER_SECOND`].
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) fn refuse<B>(
        &self,
        route: &Route,
        request: &Request<B>,
        client: SocketAddr,
    ) -> Option<Answer> {
        if let Some(rejection) = self.rejection(route.need, request) {
            self.audit.rejected(route, client, rejection.reason());
            return Some(rejection.answer(route.need));
        }
        if route.need != Need::UserData {
            return None;
        }
        // Only requests that are granted take part, so a client without the token cannot shut out those with it.
        if !self.user_data.take() {
            return Some(too_many(format!(
                "more than {USER_DATA_PER_SECOND} requests per second for {}; try again in a second\n",
                table::paths_with_user_data()
            )));
        }
        self.audit.granted(route, client);
        None
    }

    /// Whether a request for such a route needs the token.
    pub(super) fn needs_token(&self, need: Need) -> bool {
        match need {
            Need::Open => false,
            Need::UserData => !self.loopback,
            Need::Change => !self.loopback || self.token.is_some(),
        }
    }

    fn rejection<B>(&self, need: Need, request: &Request<B>) -> Option<Rejection> {
        if need == Need::Open {
            return None;
        }
        if host::is_foreign_origin(request, self.loopback) {
            return Some(Rejection::ForeignOrigin);
        }
        if host::is_loaded_by_foreign_page(request) {
            return Some(Rejection::ForeignPage);
        }
        if !self.needs_token(need) {
            return None;
        }
        let Some(token) = &self.token else {
            return Some(Rejection::NoTokenSet);
        };
        let sent = sent_token(request.headers());
        let is_valid = sent.is_some_and(|sent| is_same(token, sent));
        (!is_valid).then_some(Rejection::InvalidToken)
    }
}

/// Returns the token of a request.
///
/// The scheme is case-insensitive (RFC 9110, section 11.1).
fn sent_token(headers: &HeaderMap) -> Option<&[u8]> {
    headers
        .get(header::AUTHORIZATION)
        .map(|value| value.as_bytes())
        .and_then(|value| value.split_at_checked("Bearer ".len()))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
        .map(|(_, sent)| sent.trim_ascii())
}

/// Compares in constant time, so that timing does not reveal the token.
///
/// Only a difference in length changes the time.
fn is_same(token: &Secret<String>, sent: &[u8]) -> bool {
    token.expose().as_bytes().ct_eq(sent).into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::Ipv4Addr;

    use http::{HeaderName, Method, request::Builder};

    use super::{super::table::Endpoint, *};

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const EVERYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    const METRICS: Route = route(Method::GET, "/metrics", Need::Open);
    const LOGS: Route = route(Method::GET, "/logs", Need::UserData);
    const CHANGE: Route = route(Method::PUT, "/log-filter", Need::Change);

    const fn route(method: Method, path: &'static str, need: Need) -> Route {
        Route {
            method,
            path,
            need,
            endpoint: Endpoint::Telemetry,
        }
    }

    fn status(refused: Option<Answer>) -> u16 {
        refused.map_or(200, |answer| answer.status().as_u16())
    }

    /// The listener with or without the token `hunter2`.
    fn access(address: IpAddr, has_token: bool) -> Access {
        Access::new(
            address,
            has_token.then(|| Secret::new("hunter2".to_owned())),
        )
    }

    fn request(headers: &[(HeaderName, &str)]) -> Request<()> {
        let builder = Request::builder().uri("/");
        headers
            .iter()
            .fold(builder, |builder: Builder, (name, value)| {
                builder.header(name, *value)
            })
            .body(())
            .unwrap()
    }

    /// The status of the response to a request from loopback.
    ///
    /// A proxy on the same machine sends such requests for all of its clients.
    fn answer(access: &Access, route: &Route, headers: &[(HeaderName, &str)]) -> u16 {
        status(access.refuse(route, &request(headers), (LOOPBACK, 1).into()))
    }

    #[tokio::test]
    async fn bind_address_and_token_decide() {
        let bearer = |value| (header::AUTHORIZATION, value);
        let valid = &[bearer("Bearer hunter2")][..];
        let wrong = &[bearer("Bearer x")][..];
        for (address, has_token, route, [none_sent, wrong_sent, valid_sent]) in [
            (LOOPBACK, false, &LOGS, [200, 200, 200]),
            (LOOPBACK, false, &CHANGE, [200, 200, 200]),
            (LOOPBACK, true, &LOGS, [200, 200, 200]),
            (LOOPBACK, true, &CHANGE, [401, 401, 200]),
            (EVERYWHERE, false, &LOGS, [403, 403, 403]),
            (EVERYWHERE, false, &CHANGE, [403, 403, 403]),
            (EVERYWHERE, true, &LOGS, [401, 401, 200]),
            (EVERYWHERE, true, &CHANGE, [401, 401, 200]),
        ] {
            let access = access(address, has_token);
            let answer = |route, headers| answer(&access, route, headers);
            let place = format!("{address}, token {has_token}, {}", route.path);
            assert_eq!(answer(route, &[]), none_sent, "{place}");
            assert_eq!(answer(route, wrong), wrong_sent, "{place}");
            assert_eq!(answer(route, valid), valid_sent, "{place}");
            assert_eq!(answer(&METRICS, &[]), 200, "{place}");
        }
    }

    #[tokio::test]
    async fn tokens_are_compared_exactly() {
        for address in [LOOPBACK, EVERYWHERE] {
            let access = access(address, true);
            for (value, expected) in [
                ("Bearer hunter2", 200),
                ("bearer  hunter2", 200),
                ("Bearer hunter", 401),
                ("Bearer hunter22", 401),
                ("Bearer Hunter2", 401),
                ("Basic hunter2", 401),
                ("Bearer", 401),
                ("", 401),
            ] {
                let headers = [(header::AUTHORIZATION, value)];
                assert_eq!(answer(&access, &CHANGE, &headers), expected, "{value}");
            }
        }
    }

    #[tokio::test]
    async fn rejections_say_what_to_do() {
        let refused = |has_token, route| {
            access(EVERYWHERE, has_token)
                .refuse(route, &request(&[]), (LOOPBACK, 1).into())
                .unwrap()
        };
        let body = async |answer: Answer| {
            let body = http_body_util::BodyExt::collect(answer).await.unwrap();
            String::from_utf8(body.to_bytes().to_vec()).unwrap()
        };
        for route in [&LOGS, &CHANGE] {
            let sentence = body(refused(false, route)).await;
            assert!(sentence.contains("FIRSTLIGHT_ADMIN_TOKEN"), "{sentence}");
            assert!(
                sentence.contains("OTEL_EXPORTER_PROMETHEUS_HOST=localhost"),
                "{sentence}"
            );
            let unauthorized = refused(true, route);
            assert_eq!(unauthorized.headers()[header::WWW_AUTHENTICATE], "Bearer");
            let sentence = body(unauthorized).await;
            assert!(sentence.contains("Authorization: Bearer"), "{sentence}");
        }
    }

    #[tokio::test]
    async fn foreign_origins_are_rejected() {
        let token = (header::AUTHORIZATION, "Bearer hunter2");
        let headers = |origin| {
            [
                token.clone(),
                (header::HOST, "localhost"),
                (header::ORIGIN, origin),
            ]
        };
        for address in [LOOPBACK, EVERYWHERE] {
            let access = access(address, true);
            let (own, foreign) = (headers("http://localhost"), headers("https://evil.example"));
            let no_cors = [
                token.clone(),
                (HeaderName::from_static("sec-fetch-site"), "cross-site"),
            ];
            for route in [&LOGS, &CHANGE] {
                assert_eq!(answer(&access, route, &own), 200, "{}", route.path);
                assert_eq!(answer(&access, route, &foreign), 403, "{}", route.path);
                assert_eq!(answer(&access, route, &no_cors), 403, "{}", route.path);
            }
            assert_eq!(answer(&access, &METRICS, &foreign), 200);
            assert_eq!(answer(&access, &METRICS, &no_cors), 200);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_user_data_has_a_rate() {
        let access = access(EVERYWHERE, true);
        let token = [(header::AUTHORIZATION, "Bearer hunter2")];
        for _ in 0..1_000 {
            assert_eq!(answer(&access, &METRICS, &[]), 200);
            assert_eq!(answer(&access, &LOGS, &[]), 401);
        }
        for _ in 0..USER_DATA_PER_SECOND {
            assert_eq!(answer(&access, &LOGS, &token), 200);
        }
        let refused = access.refuse(&LOGS, &request(&token), (LOOPBACK, 1).into());
        let refused = refused.unwrap();
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
        assert_eq!(answer(&access, &METRICS, &[]), 200);
        assert_eq!(answer(&access, &CHANGE, &token), 200);
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!(answer(&access, &LOGS, &token), 200);
    }
}

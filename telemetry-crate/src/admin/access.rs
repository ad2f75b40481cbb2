//! Access control of the admin listener, for reading and for changes.
//!
//! On loopback the attacker is a web page in a browser on the same machine. The page can make a name of its own point to
//! 127.0.0.1 (DNS rebinding) and then read the responses. Such a request names the page's host, so the listener answers
//! only requests for loopback hosts. Before a page can change anything on 127.0.0.1 itself, the
//! browser sends a preflight request, whose method `OPTIONS` is rejected.
//!
//! On other addresses every client that reaches the listener may read. If a token is set, changes
//! need it on every address. Without a token, changes are possible on loopback only.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode, Uri, header, uri::Authority};
use subtle::ConstantTimeEq;

use super::answer::{Answer, text};
use crate::Secret;

/// The access rules of one listener.
#[derive(Debug)]
pub(super) struct Access {
    loopback: bool,
    token: Option<Secret<String>>,
}

impl Access {
    pub(super) fn new(address: IpAddr, token: Option<Secret<String>>) -> Self {
        Self {
            loopback: address.to_canonical().is_loopback(),
            token,
        }
    }

    /// Rejects a request for the host of another site (RFC 9110, section 15.5.20).
    pub(super) fn refuse_host(&self, uri: &Uri, headers: &HeaderMap) -> Option<Answer> {
        if !self.loopback {
            return None;
        }
        let mut hosts = headers.get_all(header::HOST).into_iter().map(|host| {
            host.to_str()
                .ok()
                .and_then(|host| host.parse::<Authority>().ok())
        });
        let local = |host: &Authority| is_loopback(host.host());
        if hosts.all(|host| host.as_ref().is_some_and(local)) && uri.authority().is_none_or(local) {
            return None;
        }
        Some(text(
            StatusCode::MISDIRECTED_REQUEST,
            "this listener is on a loopback address and answers requests for localhost, 127.0.0.1 and [::1] only; to serve other hosts, set OTEL_EXPORTER_PROMETHEUS_HOST\n",
        ))
    }

    /// Rejects a request without the permission to change settings.
    pub(super) fn refuse_change(&self, headers: &HeaderMap) -> Option<Answer> {
        let Some(token) = &self.token else {
            if self.loopback {
                return None;
            }
            return Some(text(
                StatusCode::FORBIDDEN,
                "changes are off, because this listener is not on a loopback address: set FIRSTLIGHT_ADMIN_TOKEN and send it as `Authorization: Bearer ...`, or listen on loopback with OTEL_EXPORTER_PROMETHEUS_HOST=localhost\n",
            ));
        };
        // The scheme is case-insensitive (RFC 9110, section 11.1).
        let sent = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.as_bytes())
            .and_then(|value| value.split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, sent)| sent.trim_ascii());
        if sent.is_some_and(|sent| is_same(token, sent)) {
            return None;
        }
        let mut answer = text(
            StatusCode::UNAUTHORIZED,
            "changes need the token: send `Authorization: Bearer` and the value of FIRSTLIGHT_ADMIN_TOKEN\n",
        );
        answer.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            header::HeaderValue::from_static("Bearer"),
        );
        Some(answer)
    }
}

/// Compares in constant time, so that timing does not reveal the token.
///
/// Only a difference in length changes the time.
fn is_same(token: &Secret<String>, sent: &[u8]) -> bool {
    token.expose().as_bytes().ct_eq(sent).into()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn status(refused: Option<Answer>) -> u16 {
        refused.map_or(200, |answer| answer.status().as_u16())
    }

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, header::HeaderValue::from_static(value))])
    }

    #[test]
    fn loopback_answers_loopback_hosts() {
        let access = Access::new(Ipv6Addr::LOCALHOST.into(), None);
        let uri = Uri::from_static("/metrics");
        assert_eq!(status(access.refuse_host(&uri, &HeaderMap::new())), 200);
        for (host, expected) in [
            ("localhost", 200),
            ("LOCALHOST:9464", 200),
            ("127.0.0.1:1", 200),
            ("[::1]:9464", 200),
            ("evil.example", 421),
            ("localhost.evil.example:9464", 421),
            ("127.0.0.1.evil.example", 421),
            ("10.0.0.1", 421),
            ("", 421),
        ] {
            let headers = headers(header::HOST, host);
            assert_eq!(
                status(access.refuse_host(&uri, &headers)),
                expected,
                "{host}"
            );
            let open = Access::new(Ipv4Addr::UNSPECIFIED.into(), None);
            assert_eq!(status(open.refuse_host(&uri, &headers)), 200, "{host}");
        }
        let absolute = Uri::from_static("http://evil.example/metrics");
        assert_eq!(
            status(access.refuse_host(&absolute, &HeaderMap::new())),
            421
        );
    }

    #[test]
    fn changes_need_token_or_loopback() {
        let token = || Some(Secret::new("hunter2".to_owned()));
        let bearer = |value| headers(header::AUTHORIZATION, value);
        let (inside, outside) = (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::UNSPECIFIED.into());
        assert_eq!(
            status(Access::new(inside, None).refuse_change(&HeaderMap::new())),
            200
        );
        assert_eq!(
            status(Access::new(outside, None).refuse_change(&bearer("Bearer x"))),
            403
        );
        for address in [inside, outside] {
            let access = Access::new(address, token());
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
                assert_eq!(
                    status(access.refuse_change(&bearer(value))),
                    expected,
                    "{value}"
                );
            }
            assert_eq!(status(access.refuse_change(&HeaderMap::new())), 401);
        }
    }
}

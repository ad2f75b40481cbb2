//! The commands that an answer suggests to its client.

use http::{HeaderMap, Method, header};

use crate::admin::{access::Access, table};

/// The header with the token.
///
/// The shell of the client reads it from its environment, so the answer does not have it.
const TOKEN: &str = "-H \"Authorization: Bearer $FIRSTLIGHT_ADMIN_TOKEN\" ";

/// Makes commands for the client of one request.
#[derive(Debug)]
pub(super) struct Commands<'a> {
    access: &'a Access,
    /// The host as the client called it.
    host: String,
}

impl<'a> Commands<'a> {
    pub(super) fn new(access: &'a Access, headers: &HeaderMap) -> Self {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let is_plain = |host: &&str| {
            let mut chars = host.chars();
            chars.all(|char| char.is_ascii_alphanumeric() || ".:-[]".contains(char))
        };
        let host = host.filter(is_plain).unwrap_or("localhost:9464");
        Self {
            access,
            host: host.to_owned(),
        }
    }

    /// The command that reads a path, which may have a query.
    pub(super) fn get(&self, target: &str) -> String {
        let path = target.split('?').next().unwrap_or_default();
        let route = table::find(&Method::GET, path);
        let needs_token = route.is_ok_and(|route| self.access.needs_token(route.need));
        let token = if needs_token { TOKEN } else { "" };
        format!("curl {token}'{}{target}'", self.host)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::Secret;

    #[test]
    fn tokens_are_sent_where_needed() {
        let token = || Some(Secret::new("hunter2".to_owned()));
        let (here, everywhere) = (Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED);
        for (address, token, target, expected) in [
            (here, None, "/logs?tail=9", "curl 'pod-1:9464/logs?tail=9'"),
            (
                here,
                token(),
                "/traces?open",
                "curl 'pod-1:9464/traces?open'",
            ),
            (everywhere, token(), "/readyz", "curl 'pod-1:9464/readyz'"),
            (
                everywhere,
                token(),
                "/telemetry",
                "curl 'pod-1:9464/telemetry'",
            ),
            (
                everywhere,
                token(),
                "/traces/0af7",
                "curl -H \"Authorization: Bearer $FIRSTLIGHT_ADMIN_TOKEN\" 'pod-1:9464/traces/0af7'",
            ),
            (
                everywhere,
                token(),
                "/logs?level=warn",
                "curl -H \"Authorization: Bearer $FIRSTLIGHT_ADMIN_TOKEN\" 'pod-1:9464/logs?level=warn'",
            ),
        ] {
            let access = Access::new(IpAddr::V4(address), token);
            let headers = [(header::HOST, header::HeaderValue::from_static("pod-1:9464"))];
            let commands = Commands::new(&access, &headers.into_iter().collect());
            assert_eq!(commands.get(target), expected);
        }
    }

    #[test]
    fn hosts_cannot_change_the_command() {
        let access = Access::new(IpAddr::V4(Ipv4Addr::LOCALHOST), None);
        for host in ["localhost'; date '", "a b", "$(date)"] {
            let headers = header::HeaderValue::from_str(host).map(|host| (header::HOST, host));
            let commands = Commands::new(&access, &headers.into_iter().collect());
            assert_eq!(commands.get("/readyz"), "curl 'localhost:9464/readyz'");
        }
    }
}

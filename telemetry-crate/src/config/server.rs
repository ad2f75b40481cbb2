//! Limits of the HTTP server that an operator can change without a new build.

use std::time::Duration;

use http::Method;

use super::{env, env::Env, env::positive};

/// Limits of `http::serve` from the environment.
///
/// `None` leaves the program's choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ServerLimits {
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) max_body: Option<usize>,
    pub(crate) max_connections: Option<usize>,
    pub(crate) max_requests: Option<usize>,
}

pub(super) fn server_limits(env: &mut Env<'_>) -> ServerLimits {
    let mut number = |name| env.parsed(name, "a whole number from 1 on", positive);
    ServerLimits {
        max_body: number(env::HTTP_MAX_BODY),
        max_connections: number(env::HTTP_MAX_CONNECTIONS),
        max_requests: number(env::HTTP_MAX_REQUESTS),
        read_timeout: env.timeout(env::HTTP_READ_TIMEOUT),
    }
}

/// Reads the HTTP methods that metrics and spans distinguish.
///
/// The list replaces the default list, as the semantic convention of `http.request.method` requires.
pub(super) fn known_methods(env: &mut Env<'_>) -> Option<Vec<String>> {
    env.parsed(
        env::HTTP_KNOWN_METHODS,
        "methods separated by commas, such as GET,POST,PROPFIND",
        |value| {
            let methods = value.split(',').map(str::trim);
            let methods = methods.map(|method| Some(method.parse::<Method>().ok()?.to_string()));
            methods.collect()
        },
    )
}

//! The definition of failed requests and calls.
//!
//! Objectives, alerts and dashboards share it. A failed request has an `error_type`. It may lack a status: after a panic, a
//! body that broke off, or the end of the drain. A request that only the client ended has an `error_type` as well, but does
//! not count as failed.

use crate::promql::Selector;

/// A pattern for the `error_type` of requests that did not fail.
///
/// The label is empty, or says that the client ended the request.
const GOOD_REQUESTS: &str = "|client_disconnected|write_timeout";
/// A pattern for the `error_type` of gRPC calls that did not fail.
const GOOD_CALLS: &str = "|cancelled";

/// Restricts HTTP requests to those that failed.
pub(crate) fn failed_requests(requests: Selector) -> Selector {
    requests.matches_not("error_type", GOOD_REQUESTS)
}

/// Restricts HTTP requests to those that did not fail.
pub(crate) fn good_requests(requests: Selector) -> Selector {
    requests.matches("error_type", GOOD_REQUESTS)
}

/// Restricts served gRPC calls to those that failed.
pub(crate) fn failed_calls(calls: Selector) -> Selector {
    calls.matches_not("error_type", GOOD_CALLS)
}

//! Which requests and calls count as failed, for objectives, alerts and dashboards alike.
//!
//! What failed has an `error_type`, whether or not there was a status: a panic, a body that broke off and the end of the drain
//! leave requests without one. What the client alone ended has an `error_type` as well, and did not fail.

use crate::promql::Selector;

/// `error_type` of requests that did not fail: none, or an end that is the client's doing.
const GOOD_REQUESTS: &str = "|client_disconnected|write_timeout";
/// The same of gRPC calls.
const GOOD_CALLS: &str = "|cancelled";

/// Of these HTTP requests, those that failed.
pub(crate) fn failed_requests(requests: Selector) -> Selector {
    requests.matches_not("error_type", GOOD_REQUESTS)
}

/// Of these HTTP requests, those that did not fail.
pub(crate) fn good_requests(requests: Selector) -> Selector {
    requests.matches("error_type", GOOD_REQUESTS)
}

/// Of these served gRPC calls, those that failed.
pub(crate) fn failed_calls(calls: Selector) -> Selector {
    calls.matches_not("error_type", GOOD_CALLS)
}

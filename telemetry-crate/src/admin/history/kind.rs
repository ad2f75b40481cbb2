//! The kinds of local roots that have a history.
//!
//! What counts as failed is defined as in the alerts: a failure of the client, such as an early disconnect, does not count.

use crate::{
    catalog::{self, Metric},
    metrics::{label_pairs, unescape},
};

/// A kind of local roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Call,
    Job,
}

/// What the labels of a series say.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Labels<'a> {
    /// The method, or the queue; empty for the overflow series.
    first: &'a str,
    route: &'a str,
}

/// Values of `error_type` for requests that the client ended.
const ENDED_BY_CLIENT: [&str; 2] = ["client_disconnected", "write_timeout"];

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Request, Self::Call, Self::Job];

    /// The word in the answer.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Call => "call",
            Self::Job => "job",
        }
    }

    /// The histogram of the durations.
    pub(super) fn metric(self) -> &'static Metric {
        match self {
            Self::Request => &catalog::HTTP_SERVER_REQUEST_DURATION,
            Self::Call => &catalog::RPC_SERVER_CALL_DURATION,
            Self::Job => &catalog::WORKER_TASK_RUN,
        }
    }

    /// Reads the labels of a series, and whether its samples are failures.
    pub(super) fn read(self, labels: &str) -> (Labels<'_>, bool) {
        let (mut found, mut is_failed) = (Labels::default(), false);
        for (name, value) in label_pairs(labels) {
            match (self, name) {
                (Self::Request, "http_request_method")
                | (Self::Call, "rpc_method")
                | (Self::Job, "queue") => found.first = value,
                (Self::Request, "http_route") => found.route = value,
                (Self::Request, "error_type") => is_failed = !ENDED_BY_CLIENT.contains(&value),
                (Self::Call, "error_type") => is_failed = value != "cancelled",
                (Self::Job, "outcome") => is_failed = value != "ok",
                _ => {}
            }
        }
        (found, is_failed)
    }

    /// The name of a local root with these labels, as in `/traces`.
    pub(super) fn name(self, labels: &Labels<'_>) -> String {
        let (first, route) = (unescape(labels.first), unescape(labels.route));
        match self {
            Self::Request if route.is_empty() => first,
            Self::Request => format!("{first} {route}"),
            Self::Call => first,
            Self::Job => format!("process {first}"),
        }
    }
}

impl Labels<'_> {
    /// Whether the labels name nothing, as those of the overflow series.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_the_root_and_its_failure() {
        for (kind, labels, name, is_failed) in [
            (
                Kind::Request,
                r#"error_type="500",http_request_method="GET",http_route="/orders/{id}""#,
                "GET /orders/{id}",
                true,
            ),
            (
                Kind::Request,
                r#"http_request_method="GET",http_response_status_code="404""#,
                "GET",
                false,
            ),
            (
                Kind::Request,
                r#"error_type="client_disconnected",http_request_method="GET",http_route="/\"x\"""#,
                "GET /\"x\"",
                false,
            ),
            (
                Kind::Request,
                r#"error_type="write_timeout",http_request_method="GET""#,
                "GET",
                false,
            ),
            (
                Kind::Call,
                r#"error_type="UNAVAILABLE",rpc_method="shop.Orders/Get""#,
                "shop.Orders/Get",
                true,
            ),
            (
                Kind::Call,
                r#"error_type="cancelled",rpc_method="shop.Orders/Get""#,
                "shop.Orders/Get",
                false,
            ),
            (
                Kind::Job,
                r#"kind="welcome",outcome="retry",queue="emails""#,
                "process emails",
                true,
            ),
            (
                Kind::Job,
                r#"kind="welcome",outcome="ok",queue="emails""#,
                "process emails",
                false,
            ),
        ] {
            let (found, failed) = kind.read(labels);
            assert_eq!((&*kind.name(&found), failed), (name, is_failed), "{labels}");
        }
        let (overflow, _) = Kind::Request.read(r#"otel_metric_overflow="true""#);
        assert!(overflow.is_empty());
    }

    /// The alerts decide in PromQL what a failure is.
    #[test]
    fn failures_are_those_of_the_alerts() {
        const RULES: &str = include_str!("../../../../docs/alerts/firstlight.rules.yml");
        for expression in [
            &format!(
                "http_server_request_duration_seconds_count{{error_type!~\"|{}\"}}",
                ENDED_BY_CLIENT.join("|")
            ),
            "rpc_server_call_duration_seconds_count{error_type!~\"|cancelled\"}",
            "worker_tasks_total{outcome!=\"ok\"}",
        ] {
            assert!(RULES.contains(expression), "{expression}");
        }
    }
}

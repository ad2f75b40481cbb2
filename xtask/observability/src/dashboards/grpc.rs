//! The row of gRPC calls, answered and made, on the dashboard of a route.

use firstlight::metrics::catalog::{self, Metric};

use super::{Panel, Row, Target, Unit, query};
use crate::{
    failed::failed_calls,
    promql::{Selector, service_labels},
};

pub(super) fn row() -> Row {
    Row::collapsed("gRPC")
        .line([
            rate("gRPC calls answered", &catalog::RPC_SERVER_CALL_DURATION),
            failures(
                "gRPC answers that are errors",
                &failed_calls(query::selected(&catalog::RPC_SERVER_CALL_DURATION).count()),
            ),
            durations(
                "Duration of gRPC calls answered, p95",
                &catalog::RPC_SERVER_CALL_DURATION,
            ),
        ])
        .line([
            rate("gRPC calls made", &catalog::RPC_CLIENT_CALL_DURATION),
            failures(
                "gRPC calls that fail",
                // A timeout in this service cancels its calls, so canceled calls count as failed.
                &query::selected(&catalog::RPC_CLIENT_CALL_DURATION)
                    .count()
                    .is_not("error_type", ""),
            ),
            durations(
                "Duration of gRPC calls made, p95",
                &catalog::RPC_CLIENT_CALL_DURATION,
            ),
        ])
}

fn rate(title: &str, metric: &Metric) -> Panel {
    let calls = query::per_second(
        &service_labels(&["rpc_method"]),
        &query::selected(metric).count(),
    );
    Panel::timeseries(title)
        .means("Calls per second, by method; methods that the service does not have are `_OTHER`.")
        .normally("Follows the time of day.")
        .otherwise(
            "A method without calls: its client stopped, or a load balancer no longer routes to \
             the service.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::RequestsPerSecond)
        .shows(Target::new(
            &query::legend("{{rpc_method}}"),
            query::or_none_each(calls, "rpc_method"),
        ))
}

fn failures(title: &str, failed: &Selector) -> Panel {
    // By `error_type` instead of by status, because calls that broke off have no status.
    let by = ["rpc_method", "error_type"];
    let failed = query::top(10, query::per_second(&service_labels(&by), failed));
    let failed = query::joined(&by, failed);
    Panel::timeseries(title)
        .means(
            "Calls per second that failed, by method, and by status or the reason for a missing \
             status, such as a panic.",
        )
        .normally("None.")
        .otherwise(
            "`UNAVAILABLE` and `DEADLINE_EXCEEDED`: overload, or a dependency that fails. \
             `INTERNAL` and `UNKNOWN`: bugs; see the log.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::RequestsPerSecond)
        .shows(Target::new("{{series}}", query::or_none(failed, "series")).in_trouble())
}

fn durations(title: &str, metric: &Metric) -> Panel {
    let duration = query::quantile(
        0.95,
        &service_labels(&["rpc_method"]),
        &query::selected(metric),
    );
    let duration = query::top(10, duration);
    Panel::timeseries(title)
        .means(
            "How long calls take until the last stream ends. A call with a stream that is open for \
             hours takes hours.",
        )
        .normally("Each method has its level.")
        .otherwise(
            "One method is slow: click on a dot to open its trace. All methods are slow: see the \
             dashboards of the database and of the runtime.",
        )
        .runbook("HttpLatencyBudgetBurn")
        .unit(Unit::Seconds)
        .shows(Target::new(&query::legend("{{rpc_method}}"), duration).in_calls())
}

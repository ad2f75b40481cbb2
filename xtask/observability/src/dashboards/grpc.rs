//! Calls over gRPC, in both directions.

use firstlight::metrics::catalog::{self, Metric};

use super::{Panel, Row, Runbook, Target, Unit, query};
use crate::promql::of_service;

pub(super) fn row() -> Row {
    Row::collapsed("gRPC")
        .line([
            rate("gRPC calls answered", &catalog::RPC_SERVER_CALL_DURATION),
            failures(
                "gRPC answers that are errors",
                &catalog::RPC_SERVER_CALL_DURATION,
            ),
            durations(
                "Duration of gRPC calls answered, p95",
                &catalog::RPC_SERVER_CALL_DURATION,
            ),
        ])
        .line([
            rate("gRPC calls made", &catalog::RPC_CLIENT_CALL_DURATION),
            failures("gRPC calls that fail", &catalog::RPC_CLIENT_CALL_DURATION),
            durations(
                "Duration of gRPC calls made, p95",
                &catalog::RPC_CLIENT_CALL_DURATION,
            ),
        ])
}

fn rate(title: &str, metric: &Metric) -> Panel {
    let calls = query::per_second(&of_service(&["rpc_method"]), &query::of(metric).count());
    Panel::timeseries(title)
        .means("Calls per second, by method; methods that the service does not have are `_OTHER`.")
        .normally("It follows the hour of the day.")
        .otherwise(
            "A method that stops is a client that gave up, or a balancer that lost this service.",
        )
        .runbook(Runbook::HttpAvailabilityBudgetBurn)
        .unit(Unit::RequestsPerSecond)
        .shows(Target::new(
            &query::legend("{{rpc_method}}"),
            query::or_none_each(calls, "rpc_method"),
        ))
}

fn failures(title: &str, metric: &Metric) -> Panel {
    let failed = query::of(metric).count().is_not("error_type", "");
    let by = ["rpc_method", "rpc_status_code"];
    let failed = query::top(10, query::per_second(&of_service(&by), &failed));
    let failed = query::joined(&by, failed);
    Panel::timeseries(title)
        .means(
            "Calls per second that ended with a status that is the server's fault, by method and \
             status.",
        )
        .normally("None.")
        .otherwise(
            "UNAVAILABLE and DEADLINE_EXCEEDED are load or a dependency, INTERNAL and UNKNOWN are \
             bugs: look in the log.",
        )
        .runbook(Runbook::HttpAvailabilityBudgetBurn)
        .unit(Unit::RequestsPerSecond)
        .shows(Target::new("{{series}}", query::or_none(failed, "series")).in_trouble())
}

fn durations(title: &str, metric: &Metric) -> Panel {
    let duration = query::quantile(0.95, &of_service(&["rpc_method"]), &query::of(metric));
    let duration = query::top(10, duration);
    Panel::timeseries(title)
        .means(
            "How long calls take, to the end of the last stream. A stream that stays open is as \
             long as it is open.",
        )
        .normally("Each method has its level.")
        .otherwise(
            "One method: follow a dot to its trace. All of them: look at the database and the \
             runtime.",
        )
        .runbook(Runbook::HttpLatencyBudgetBurn)
        .unit(Unit::Seconds)
        .shows(Target::new(&query::legend("{{rpc_method}}"), duration).in_calls())
}

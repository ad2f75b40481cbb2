//! The dashboard `firstlight: route`.

use firstlight::metrics::catalog;

use super::{Dashboard, Panel, Row, Target, Unit, Variable, grpc, http_panels::Requests, query};

use crate::{
    limits,
    promql::{self, Selector, service_labels},
};

const ROUTES: Requests = Requests::OfRoute;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "route",
        "firstlight: route",
        "What is wrong with this route?",
        &Selector::of(&catalog::BUILD_INFO),
    )
    .variable(Variable::of(
        "route",
        "Route",
        "http_route",
        &catalog::HTTP_SERVER_REQUEST_DURATION,
    ))
    .row(now())
    .row(over_time())
    .row(waits())
    .row(calls())
    .row(grpc::row())
}

fn now() -> Row {
    Row::new("Is this route the cause?").line([
        ROUTES.rate(),
        ROUTES.failing(),
        ROUTES.too_slow(),
        statements(),
        repeated(),
    ])
}

fn statements() -> Panel {
    let queries =
        query::selected(&catalog::SQL_QUERIES_PER_REQUEST).matches("http_route", "$route");
    Panel::stat("Statements per request, p95")
        .means(
            "Database statements that a request runs, at the 95th percentile. Of several routes, \
             the one with the most.",
        )
        .normally("Below 10, and the same every day.")
        .otherwise(
            "Grows with the data: the route runs a statement for each row. See the repeated \
             statements below.",
        )
        .runbook("DatabaseNPlusOne")
        .unit(Unit::Count)
        .no_value("no statements")
        .shows(Target::new(
            "p95",
            promql::max(
                &[],
                query::quantile(0.95, &service_labels(&["http_route"]), &queries),
            ),
        ))
}

fn repeated() -> Panel {
    let repeated = query::selected(&catalog::SQL_N_PLUS_ONE).matches("http_route", "$route");
    Panel::stat("Repeated statements")
        .means(
            "How many requests ran one statement again and again within the time range: N+1 \
             queries. Of several statements, the worst.",
        )
        .normally("0.")
        .otherwise(
            "The graph below names the statements. Fetch all rows with one statement, such as a \
             join or `= ANY($1)`.",
        )
        .runbook("DatabaseNPlusOne")
        .unit(Unit::Count)
        .red_from(limits::N_PLUS_ONE_REQUESTS)
        .shows(
            Target::new("Repeated", query::or_zero(query::worst_in_range(&repeated))).in_trouble(),
        )
}

fn over_time() -> Row {
    Row::new("Since when?")
        .line([ROUTES.by_class(), ROUTES.failures(), last_week()])
        .line([ROUTES.durations(), ROUTES.spread(), ROUTES.errors()])
}

fn last_week() -> Panel {
    let all = ROUTES.all();
    let before = promql::sum(
        &service_labels(&["http_route"]),
        format!("rate({all}[{}] offset 1w)", query::WINDOW),
    );
    Panel::timeseries("Requests, compared with last week")
        .means(
            "Requests per second of each route, and at the same hour a week ago; 0 if there is no \
             data from then. Of many, the ten with the most.",
        )
        .normally("Both lines have the same shape.")
        .otherwise(
            "Far below last week: requests do not reach the service. Far above: find the client \
             that sends them before you scale.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::RequestsPerSecond)
        .shows(Target::new(
            &ROUTES.legend("now"),
            query::top(10, ROUTES.each(&all)),
        ))
        .shows(Target::new(
            &ROUTES.legend("a week ago"),
            query::top(10, format!("{before} or 0 * {}", ROUTES.each(&all))),
        ))
}

fn waits() -> Row {
    Row::new("Does the route wait for the database?").line([queries(), n_plus_one()])
}

fn queries() -> Panel {
    let queries = query::selected(&catalog::SQL_QUERIES_PER_REQUEST)
        .matches("http_route", "$route")
        .is_not("http_route", "");
    let by = service_labels(&["http_route"]);
    let by_route = |q| query::top(10, query::quantile(q, &by, &queries));
    Panel::timeseries("Statements per request")
        .means("Database statements that one request runs.")
        .normally("Constant: the number depends on the code, not on the data.")
        .otherwise(
            "Grows with the data: an N+1 query, even below the number from which on it is counted \
             as one.",
        )
        .runbook("DatabaseNPlusOne")
        .unit(Unit::Count)
        .shows(Target::new(&ROUTES.legend("p50"), by_route(0.5)))
        .shows(Target::new(&ROUTES.legend("p95"), by_route(0.95)))
}

fn n_plus_one() -> Panel {
    let repeated = query::selected(&catalog::SQL_N_PLUS_ONE).matches("http_route", "$route");
    let repeated = query::per_second(&service_labels(&["db_query_summary"]), &repeated);
    let repeated = query::or_none_each(repeated, "db_query_summary");
    Panel::timeseries("Repeated statements by kind")
        .means("Statements per second that one request repeated too often.")
        .normally("None.")
        .otherwise(
            "The legend names the statement. The trace of a request shows the repetitions. Fetch \
             all rows with one statement.",
        )
        .runbook("DatabaseNPlusOne")
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new(&query::legend("{{db_query_summary}}"), repeated).in_trouble())
}

fn calls() -> Row {
    Row::collapsed("Does the service wait for other services? (HTTP calls)").line([
        call_rate(),
        call_failures(),
        call_durations(),
    ])
}

/// The labels of calls from a service to an address.
const TO: &[&str] = &["cluster", "namespace", "job", "server_address"];

fn call_rate() -> Panel {
    let calls = query::selected(&catalog::HTTP_CLIENT_REQUEST_DURATION).count();
    Panel::timeseries("Calls to other services")
        .means(
            "Requests per second that the service sends, by address. They are those of all routes, \
             because calls have no label for the route.",
        )
        .normally("Follows the number of requests to the service.")
        .otherwise("More calls without more requests: retries. See whether calls fail.")
        .runbook("HttpLatencyBudgetBurn")
        .unit(Unit::RequestsPerSecond)
        .shows(Target::new(
            &query::legend("{{server_address}}"),
            query::or_none_each(query::per_second(TO, &calls), "server_address"),
        ))
}

fn call_failures() -> Panel {
    let calls = query::selected(&catalog::HTTP_CLIENT_REQUEST_DURATION).count();
    let failed = calls.is_not("error_type", "");
    let by = ["server_address", "error_type"];
    let failed = query::top(10, query::per_second(&service_labels(&by), &failed));
    let failed = query::joined(&by, failed);
    Panel::timeseries("Calls that fail")
        .means(
            "Calls per second that failed, by address, and by the status from 400 on or the type \
             of the error.",
        )
        .normally("None.")
        .otherwise(
            "Contact the owners of the called service. Until it is fixed, use a shorter timeout or \
             fewer retries, or respond without the call.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::RequestsPerSecond)
        .shows(Target::new("{{series}}", query::or_none(failed, "series")).in_trouble())
}

fn call_durations() -> Panel {
    let calls = query::selected(&catalog::HTTP_CLIENT_REQUEST_DURATION);
    Panel::timeseries("Duration of calls, p95")
        .means("How long called services take until the head of their response.")
        .normally("At most a tenth of the timeout.")
        .otherwise(
            "At the timeout: the called service hangs, and so does every request that needs it.",
        )
        .runbook("HttpLatencyBudgetBurn")
        .unit(Unit::Seconds)
        .shows(
            Target::new(
                &query::legend("{{server_address}}"),
                query::top(10, query::quantile(0.95, TO, &calls)),
            )
            .in_calls(),
        )
}

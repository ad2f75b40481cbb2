//! The dashboard `firstlight: database`.

use firstlight::metrics::catalog;

use super::{
    Color, Column, Dashboard, Link, Panel, Row, Target, Unit, Variable, pool, postgresql, query,
};
use crate::{
    limits,
    promql::{self, Selector, service_labels},
};

const STATEMENT: &str = "db_query_summary";

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "database",
        "firstlight: database",
        "Is the database the cause: the pool, a statement, or the server?",
        // Two metrics, so that the variable `job` offers services and postgres_exporter.
        &Selector::any_of(&["db_client_connection_limit", "pg_up"]),
    )
    .variable(Variable::of(
        "pool",
        "Pool",
        pool::POOL,
        &catalog::DB_CLIENT_CONNECTION_LIMIT,
    ))
    .variable(Variable::of(
        "statement",
        "Statement",
        STATEMENT,
        &catalog::DB_CLIENT_OPERATION_DURATION,
    ))
    .variable(Variable::hidden("exporter", "label_values(pg_up, job)"))
    .link(Link::page(
        "With the PostgreSQL server",
        "Selects the job of postgres_exporter as well, which has the series of the server",
        "/d/firstlight-database?${datasource:queryparam}&${job:queryparam}\
         &var-job=${exporter}&var-instance=$__all",
    ))
    .row(now())
    .row(pool::row())
    .row(statements())
    .row(transactions())
    .row(postgresql::row())
}

fn operations() -> Selector {
    query::selected(&catalog::DB_CLIENT_OPERATION_DURATION).matches(STATEMENT, "$statement")
}

fn now() -> Row {
    Row::new("Is the database the cause?").line([
        pool::in_use_now(),
        pool::waited(),
        pool::timed_out(),
        statement_p99(),
        failing(),
        repeated(),
    ])
}

fn statement_p99() -> Panel {
    Panel::stat("Statements, p99")
        .means(
            "How long statements take, from sending them to their last row; 99 of 100 are faster. Of \
             several services, the slowest.",
        )
        .normally("It changes with releases, not with the time of day.")
        .otherwise("The table of statements shows which one is slow.")
        .runbook("HttpLatencyBudgetBurn")
        .unit(Unit::Seconds)
        .no_value("no statements")
        .shows(Target::new(
            "p99",
            promql::max(&[], query::quantile(0.99, &service_labels(&[]), &operations())),
        ))
}

fn failing() -> Panel {
    let all = operations().count();
    Panel::stat("Statements that fail")
        .means("The part of statements that ended with an error; of several services, the largest.")
        .normally("0, unless the service relies on unique violations.")
        .otherwise("The graph of errors by SQLSTATE, below, shows the server's codes.")
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::Part)
        .no_value("no statements")
        .shows(Target::new(
            "Failed",
            promql::max(
                &[],
                query::ratio(
                    &service_labels(&[]),
                    &all.clone().is_not("error_type", ""),
                    &all,
                ),
            ),
        ))
}

fn repeated() -> Panel {
    let repeated = query::selected(&catalog::SQL_N_PLUS_ONE).matches(STATEMENT, "$statement");
    Panel::stat("Repeated statements")
        .means(
            "How many requests or jobs ran one statement again and again within the time range: \
             N+1 queries. Of several statements, the worst.",
        )
        .normally("0.")
        .otherwise("The table of repeated statements, below, shows where.")
        .runbook("DatabaseNPlusOne")
        .unit(Unit::Count)
        .red_from(limits::N_PLUS_ONE_REQUESTS)
        .shows(
            Target::new("Repeated", query::or_zero(query::worst_in_range(&repeated))).in_trouble(),
        )
}

fn statements() -> Row {
    Row::new("Which statements are slow or frequent?")
        .line([table()])
        .line([rate(), durations(), errors()])
}

fn table() -> Panel {
    let by = &service_labels(&[STATEMENT]);
    let calls = query::per_second(by, &operations().count());
    let time = query::per_second(by, &operations().sum());
    Panel::table("Statements")
        .means(
            "Each kind of statement: its time in seconds per second (the number of connections \
             that it keeps busy), how often it runs, and how long it takes.",
        )
        .normally("The first rows are the same every day.")
        .otherwise(
            "Begin with the first row: it is slow, or it is called too often, and the other \
             columns show which. Then run `EXPLAIN (ANALYZE, BUFFERS)`.",
        )
        .runbook("HttpLatencyBudgetBurn")
        .by_service()
        .by(STATEMENT, "Statement")
        .column(Column::new("Busy", Unit::Seconds, time.clone()))
        .column(Column::new(
            "Calls",
            Unit::OperationsPerSecond,
            calls.clone(),
        ))
        .column(Column::new(
            "Mean",
            Unit::Seconds,
            format!("{time} / ({calls} > 0)"),
        ))
        .column(Column::new(
            "p95",
            Unit::Seconds,
            query::quantile(0.95, by, &operations()),
        ))
        .leads_to(
            "Only this statement",
            "firstlight-database",
            "&var-statement=${__data.fields.Statement}",
        )
}

fn rate() -> Panel {
    let calls = query::per_second(&service_labels(&[STATEMENT]), &operations().count());
    Panel::timeseries("Statements per second")
        .means("How often statements run, the ten most frequent.")
        .normally("Follows the number of requests.")
        .otherwise("More statements without more requests: a loop, an N+1 query or retries.")
        .runbook("DatabaseNPlusOne")
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new(
            &query::legend("{{db_query_summary}}"),
            query::top(10, calls),
        ))
}

fn durations() -> Panel {
    let p95 = query::quantile(0.95, &service_labels(&[STATEMENT]), &operations());
    Panel::timeseries("Duration of statements, p95")
        .means("How long statements take, the ten slowest.")
        .normally("Constant.")
        .otherwise(
            "One statement becomes slower for days: an index is missing. All at once: the server \
             is busy, or statements wait for locks.",
        )
        .runbook("HttpLatencyBudgetBurn")
        .unit(Unit::Seconds)
        .shows(Target::new(
            &query::legend("{{db_query_summary}}"),
            query::top(10, p95),
        ))
}

fn errors() -> Panel {
    let failed = operations().count().is_not("error_type", "");
    let by = ["db_response_status_code", "error_type"];
    let failed = query::top(10, query::per_second(&service_labels(&by), &failed));
    let failed = query::joined(&by, failed);
    Panel::timeseries("Errors by SQLSTATE")
        .means(
            "Statements per second that failed, by the server's code and by the type of the \
             error.",
        )
        .normally("None; 23505 where the service relies on unique violations.")
        .otherwise(
            "40001 and 40P01: retry the transaction. 57014: a timeout. 53300: the server has no \
             connections left. 08…: the server is unreachable.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new("{{series}}", query::or_none(failed, "series")).in_trouble())
}

fn transactions() -> Row {
    Row::new("Which requests and transactions cause the load?")
        .line([n_plus_one(), queries()])
        .line([transaction_rate(), transaction_durations()])
}

fn n_plus_one() -> Panel {
    let by = &service_labels(&["http_route", "rpc_method", "span_name", STATEMENT]);
    let repeated = query::selected(&catalog::SQL_N_PLUS_ONE).matches(STATEMENT, "$statement");
    Panel::table("Repeated statements by place")
        .means(
            "Where statements were repeated too often within the time range: the route, the gRPC \
             method or the job, and the statement.",
        )
        .normally("No rows.")
        .otherwise(
            "In the code of the route, method or job, fetch all rows with one statement. The trace \
             of such a request shows the repetitions.",
        )
        .runbook("DatabaseNPlusOne")
        .by_service()
        .by("http_route", "Route")
        .by("rpc_method", "Method")
        .by("span_name", "Job")
        .by(STATEMENT, "Statement")
        .column(
            Column::new("Repeated", Unit::Count, query::in_range(by, &repeated))
                .red_from(limits::N_PLUS_ONE_REQUESTS)
                .in_trouble(),
        )
}

fn queries() -> Panel {
    let queries = query::selected(&catalog::SQL_QUERIES_PER_REQUEST);
    let places = ["http_route", "rpc_method", "span_name"];
    let p95 = query::top(
        10,
        query::quantile(0.95, &service_labels(&places), &queries),
    );
    let p95 = query::joined(&places, p95);
    Panel::timeseries("Statements per request, p95")
        .means("Statements that one request, gRPC call or job runs, the ten with the most.")
        .normally("Constant, and below 10.")
        .otherwise("Grows with the data: an N+1 query.")
        .runbook("DatabaseNPlusOne")
        .unit(Unit::Count)
        .shows(Target::new("{{series}}", p95))
}

fn transaction_rate() -> Panel {
    let ended = query::selected(&catalog::SQL_TRANSACTION_DURATION).count();
    Panel::stack("Transactions by outcome")
        .means(
            "Transactions per second of all selected services together: committed, rolled back, \
             dropped without an end, or ended by an error.",
        )
        .normally("Nearly all end with `commit`.")
        .otherwise(
            "`dropped`: the code returned before the commit, often by a `?`, so the transaction \
             was rolled back. Check that none of its writes should have been kept.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new(
            "{{outcome}}",
            query::per_second(&["outcome"], &ended),
        ))
        .color("commit", Color::Green)
        .color("rollback", Color::Blue)
        .color("dropped", Color::Orange)
        .color("error", Color::Red)
}

fn transaction_durations() -> Panel {
    let open = query::selected(&catalog::SQL_TRANSACTION_DURATION);
    Panel::timeseries("Duration of transactions, p95")
        .means(
            "How long transactions are open, by outcome. An open transaction holds a connection and \
             its locks, and holds back vacuum.",
        )
        .normally("As long as a few statements.")
        .otherwise(
            "Much longer than their statements: the code waits for something else within the \
             transaction. Move the wait out of the transaction.",
        )
        .runbook("DatabasePoolExhausted")
        .unit(Unit::Seconds)
        .shows(Target::new(
            &query::legend("{{outcome}}"),
            query::top(
                10,
                query::quantile(0.95, &service_labels(&["outcome"]), &open),
            ),
        ))
}

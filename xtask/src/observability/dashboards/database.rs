//! Is the database the reason?

use firstlight::metrics::catalog;

use super::{
    Colour, Column, Dashboard, Link, Panel, Row, Runbook, Target, Unit, Variable, postgres, query,
};
use crate::observability::{
    limits,
    promql::{self, Selector},
};

const POOL: &str = "db_client_connection_pool_name";
const STATE: &str = "db_client_connection_state";
const STATEMENT: &str = "db_query_summary";

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "database",
        "firstlight: database",
        "Is the database the reason: the pool, a statement, or the server?",
        // The service's side, and the server's: both are jobs to choose from.
        &Selector::foreign("").matches("__name__", "db_client_connection_max|pg_up"),
    )
    .variable(Variable::of("pool", "Pool", POOL, &catalog::DB_CLIENT_CONNECTION_MAX))
    .variable(Variable::of("statement", "Statement", STATEMENT, &catalog::DB_CLIENT_OPERATION_DURATION))
    .variable(Variable::hidden("exporter", "label_values(pg_up, job)"))
    .link(Link::Page {
        title: "With the PostgreSQL server".to_owned(),
        tooltip: "Chooses the job of postgres_exporter as well, whose series are not the service's".to_owned(),
        url: "/d/firstlight-database?${datasource:queryparam}&${job:queryparam}&var-job=${exporter}&var-instance=$__all".to_owned(),
    })
    .row(now())
    .row(pools())
    .row(statements())
    .row(transactions())
    .row(postgres::row())
}

fn pool(selector: Selector) -> Selector {
    selector.matches(POOL, "$pool")
}

fn operations() -> Selector {
    query::of(&catalog::DB_CLIENT_OPERATION_DURATION).matches(STATEMENT, "$statement")
}

fn now() -> Row {
    Row::new("Is the database the reason?").line([
        in_use(Panel::stat("Pool in use")),
        waited(),
        timed_out(),
        slowest_hundredth(),
        failing(),
        repeated(),
    ])
}

/// Connections in use, as a part of those that there may be.
fn in_use(panel: Panel) -> Panel {
    let by: &[&str] = &["instance", POOL];
    let used = pool(query::of(&catalog::DB_CLIENT_CONNECTION_COUNT)).is(STATE, "used");
    let most = pool(query::of(&catalog::DB_CLIENT_CONNECTION_MAX));
    let part = promql::max(
        &[POOL],
        format!("{} / {}", promql::sum(by, used), promql::sum(by, most)),
    );
    panel
        .means("Connections in use as a part of those that the pool may have; of several instances, the fullest.")
        .normally("Below a half, so that a burst fits in.")
        .otherwise("At the line the next burst waits. Find out what holds connections: slow statements, or transactions that wait for something else.")
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Part)
        .red_from(limits::POOL_PART)
        .nothing("no pool")
        .shows(Target::new("{{db_client_connection_pool_name}}", part))
}

fn waited() -> Panel {
    let wait = pool(query::of(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME));
    Panel::stat("Wait for a connection, p99")
        .means("How long it takes to get a connection from the pool; 99 of 100 are faster.")
        .normally("Below a millisecond.")
        .otherwise(
            "Everything behind it is slow, whatever the statements do. Look at the pool's use.",
        )
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Seconds)
        .red_from(limits::POOL_WAIT_SECONDS)
        .nothing("no wait")
        .shows(Target::new("p99", query::quantile(0.99, &[], &wait)))
}

fn timed_out() -> Panel {
    let timeouts = pool(query::of(&catalog::DB_CLIENT_CONNECTION_TIMEOUTS));
    Panel::stat("Gave up waiting")
        .means("Calls within the time range that got no connection in time, each of which is a failed request.")
        .normally("0.")
        .otherwise("The pool is used up. A larger pool helps only if the server has room: see its connections below.")
        .runbook(Runbook::DatabasePoolTimeouts)
        .unit(Unit::Count)
        .red_from(limits::ANY)
        .shows(Target::new("Gave up", query::or_zero(query::in_range(&[], &timeouts))).in_trouble())
}

fn slowest_hundredth() -> Panel {
    Panel::stat("Statements, p99")
        .means(
            "How long statements take, from sending them to their last row; 99 of 100 are faster.",
        )
        .normally("It changes with releases, not with the time of day.")
        .otherwise("The table of statements says which one.")
        .runbook(Runbook::HttpLatencyBudgetBurn)
        .unit(Unit::Seconds)
        .nothing("no statements")
        .shows(Target::new(
            "p99",
            query::quantile(0.99, &[], &operations()),
        ))
}

fn failing() -> Panel {
    let all = operations().count();
    Panel::stat("Statements that fail")
        .means("The part of statements that ended with an error.")
        .normally("0, unless the service relies on unique violations.")
        .otherwise("The errors by SQLSTATE, below, say what the server answered.")
        .runbook(Runbook::HttpAvailabilityBudgetBurn)
        .unit(Unit::Part)
        .nothing("no statements")
        .shows(Target::new(
            "Failed",
            query::part(&[], &all.clone().is_not("error_type", ""), &all),
        ))
}

fn repeated() -> Panel {
    let repeated = query::of(&catalog::DB_N_PLUS_ONE).matches(STATEMENT, "$statement");
    Panel::stat("Repeated statements")
        .means("Statements that one request or job repeated too often, within the time range: N+1 queries.")
        .normally("0.")
        .otherwise("The table of repeated statements, below, says where.")
        .runbook(Runbook::DatabaseNPlusOne)
        .unit(Unit::Count)
        .red_from(limits::N_PLUS_ONE_REQUESTS)
        .shows(Target::new("Repeated", query::or_zero(query::in_range(&[], &repeated))).in_trouble())
}

fn pools() -> Row {
    Row::new("The pool: does anybody wait?")
        .line([
            connections(),
            in_use(Panel::timeseries("Pool in use, over time")),
            pool_wait("$pool"),
        ])
        .line([wait_spread(), gave_up()])
}

fn connections() -> Panel {
    let count = pool(query::of(&catalog::DB_CLIENT_CONNECTION_COUNT));
    let most = pool(query::of(&catalog::DB_CLIENT_CONNECTION_MAX));
    Panel::timeseries("Connections")
        .means("Connections of all instances: in use, idle, and how many there may be.")
        .normally("In use well below the maximum; idle ones are ready and cost the server some memory.")
        .otherwise("In use at the maximum: somebody waits. Instances times maximum must stay below what the server allows.")
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Count)
        .shows(Target::new("{{db_client_connection_state}}", promql::sum(&[STATE], count)))
        .shows(Target::new("maximum", promql::sum(&[], most)))
        .colour("used", Colour::Orange)
        .colour("idle", Colour::Green)
        .colour("maximum", Colour::Purple)
}

/// How long connections are waited for; of all pools, where `pools` is empty.
pub(super) fn pool_wait(pools: &str) -> Panel {
    let wait = query::of(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME);
    let wait = if pools.is_empty() {
        wait
    } else {
        wait.matches(POOL, pools)
    };
    Panel::timeseries("Wait for a connection")
        .means("How long it takes to get a connection from the pool.")
        .normally("p99 below a millisecond.")
        .otherwise("The pool is too small for the load, or something holds connections for too long; the database's page says which.")
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Seconds)
        .red_from(limits::POOL_WAIT_SECONDS)
        .shows(Target::new("p50", query::quantile(0.5, &[], &wait)))
        .shows(Target::new("p99", query::quantile(0.99, &[], &wait)))
}

fn wait_spread() -> Panel {
    let wait = pool(query::of(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME));
    Panel::heatmap("Wait for a connection, spread")
        .means("How many waited for how long.")
        .normally("One bright band at the bottom.")
        .otherwise("A second band higher up are those that found the pool empty.")
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Seconds)
        .shows(Target::new("{{le}}", query::buckets(&wait)))
}

fn gave_up() -> Panel {
    let timeouts = pool(query::of(&catalog::DB_CLIENT_CONNECTION_TIMEOUTS));
    Panel::timeseries("Gave up waiting, over time")
        .means("Calls per second that got no connection in time.")
        .normally("None.")
        .otherwise("Each is a failed request. Find what holds connections, before the pool is made larger.")
        .runbook(Runbook::DatabasePoolTimeouts)
        .unit(Unit::EventsPerSecond)
        .red_from(limits::ANY)
        .shows(Target::new("Gave up", query::or_zero(query::per_second(&[], &timeouts))).in_trouble())
}

fn statements() -> Row {
    Row::new("The statements: which one?")
        .line([table()])
        .line([rate(), durations(), errors()])
}

fn table() -> Panel {
    let by: &[&str] = &[STATEMENT];
    let calls = query::per_second(by, &operations().count());
    let time = query::per_second(by, &operations().sum());
    Panel::table("Statements")
        .means("Each kind of statement: the time that it takes, as seconds per second, which is connections that it keeps busy; how often it runs, and how long it takes.")
        .normally("The first rows are the same on every day.")
        .otherwise("Begin with the first row: it is slow, or it is called too often, and the other columns say which. Then `EXPLAIN (ANALYZE, BUFFERS)`.")
        .runbook(Runbook::HttpLatencyBudgetBurn)
        .by(STATEMENT, "Statement")
        .column(Column::new("Busy", Unit::Seconds, time.clone()))
        .column(Column::new("Calls", Unit::OperationsPerSecond, calls.clone()))
        .column(Column::new("Mean", Unit::Seconds, format!("{time} / ({calls} > 0)")))
        .column(Column::new("p95", Unit::Seconds, query::quantile(0.95, by, &operations())))
        .leads_to("Only this statement", "firstlight-database", "&var-statement=${__data.fields.Statement}")
}

fn rate() -> Panel {
    let calls = query::per_second(&[STATEMENT], &operations().count());
    Panel::timeseries("Statements per second")
        .means("How often statements run, the ten most frequent.")
        .normally("In step with the requests.")
        .otherwise(
            "Statements that rise while requests do not are a loop, an N+1 query or a retry.",
        )
        .runbook(Runbook::DatabaseNPlusOne)
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new("{{db_query_summary}}", query::top(10, calls)))
}

fn durations() -> Panel {
    let p95 = query::quantile(0.95, &[STATEMENT], &operations());
    Panel::timeseries("Duration of statements, p95")
        .means("How long statements take, the ten slowest.")
        .normally("Flat lines.")
        .otherwise("One that climbs for days lost its index, or never had one. All at once: the server is busy, or waits for locks.")
        .runbook(Runbook::HttpLatencyBudgetBurn)
        .unit(Unit::Seconds)
        .shows(Target::new("{{db_query_summary}}", query::top(10, p95)))
}

fn errors() -> Panel {
    let failed = operations().count().is_not("error_type", "");
    let by = ["db_response_status_code", "error_type"];
    let failed = query::joined(&by, query::per_second(&by, &failed));
    Panel::timeseries("Errors by SQLSTATE")
        .means("Statements per second that failed, by the server's code and by the type of the error.")
        .normally("None; 23505 where the service relies on unique violations.")
        .otherwise("40001 and 40P01: retry the transaction. 57014: a time-out. 53300: the server has no connections left. 08…: it is not reached.")
        .runbook(Runbook::HttpAvailabilityBudgetBurn)
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new("{{series}}", query::or_none(failed, "series")).in_trouble())
}

fn transactions() -> Row {
    Row::new("Requests and transactions: what do they do to it?")
        .line([n_plus_one(), queries()])
        .line([transaction_rate(), transaction_durations()])
}

fn n_plus_one() -> Panel {
    let by: &[&str] = &["http_route", "rpc_method", "span_name", STATEMENT];
    let repeated = query::of(&catalog::DB_N_PLUS_ONE).matches(STATEMENT, "$statement");
    Panel::table("Repeated statements by place")
        .means("Where statements were repeated too often within the time range: the route, the gRPC method or the job, and the statement.")
        .normally("No rows.")
        .otherwise("Open the place, fetch all rows with one statement. The trace of one such request shows them in a row.")
        .runbook(Runbook::DatabaseNPlusOne)
        .by("http_route", "Route")
        .by("rpc_method", "Method")
        .by("span_name", "Job")
        .by(STATEMENT, "Statement")
        .column(Column::new("Repeated", Unit::Count, query::in_range(by, &repeated)).red_from(limits::N_PLUS_ONE_REQUESTS).in_trouble())
}

fn queries() -> Panel {
    let queries = query::of(&catalog::DB_QUERIES_PER_REQUEST);
    let places = ["http_route", "rpc_method", "span_name"];
    let p95 = query::top(10, query::quantile(0.95, &places, &queries));
    let p95 = query::joined(&places, p95);
    Panel::timeseries("Statements per request, p95")
        .means("Statements that one request, gRPC call or job runs, the ten with the most.")
        .normally("Flat lines below 10.")
        .otherwise("A line that climbs with the data is an N+1 query.")
        .runbook(Runbook::DatabaseNPlusOne)
        .unit(Unit::Count)
        .shows(Target::new("{{series}}", p95))
}

fn transaction_rate() -> Panel {
    let ended = query::of(&catalog::DB_TRANSACTION_DURATION).count();
    Panel::stack("Transactions by outcome")
        .means("Transactions per second: committed, rolled back, dropped because nobody ended them, or ended by an error.")
        .normally("`commit` is nearly all.")
        .otherwise("`dropped` is a `?` between begin and commit: harmless once, a lost write if it was meant to be kept.")
        .runbook(Runbook::HttpAvailabilityBudgetBurn)
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new("{{outcome}}", query::per_second(&["outcome"], &ended)))
        .colour("commit", Colour::Green)
        .colour("rollback", Colour::Blue)
        .colour("dropped", Colour::Orange)
        .colour("error", Colour::Red)
}

fn transaction_durations() -> Panel {
    let open = query::of(&catalog::DB_TRANSACTION_DURATION);
    Panel::timeseries("Duration of transactions, p95")
        .means("How long transactions are open, by outcome. All the while they hold a connection, their locks, and back the vacuum.")
        .normally("A few statements long.")
        .otherwise("Much longer than their statements: the code waits for something else in between. Move that out of the transaction.")
        .runbook(Runbook::DatabasePoolExhausted)
        .unit(Unit::Seconds)
        .shows(Target::new("{{outcome}}", query::quantile(0.95, &["outcome"], &open)))
}

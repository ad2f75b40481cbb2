//! Tests with SQLite in this process.

use std::{
    any::Any,
    future::pending,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use firstlight::{sqlx::InstrumentQuery, testing::count_queries};

use crate::{
    on_runtime,
    service::{database, get_from, router},
    telemetry::{self, exposition, named, trace, value, wait_for_value},
    within,
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("sqlite::queries_are_spans_and_samples", spans),
    ("sqlite::n_plus_one_is_on_the_span", n_plus_one),
    ("sqlite::missing_rows_are_not_errors", errors),
    ("sqlite::canceled_calls_last_until_their_drop", canceled),
    ("sqlite::transactions_are_spans", transactions),
    ("sqlite::tests_can_limit_queries", counting),
    ("sqlite::parallel_counts_are_separate", counting_at_once),
];

fn spans() {
    telemetry::start();
    on_runtime(async {
        let router = router(database().await);
        assert_eq!(get_from(&router, "/orders/7").await, "7");
        assert_eq!(get_from(&router, "/empty").await, "nothing");
    });
    let spans = trace("GET /orders/{id}");
    let request = named(&spans, "GET /orders/{id}");
    let query = named(&spans, "SELECT orders");
    assert_eq!(query.parent_span_id, request.span_id);
    assert_eq!((query.kind, query.status), ("client", "unset"));
    assert!(
        request.start <= query.start && query.end <= request.end,
        "{spans:#?}"
    );
    for (key, expected) in [
        ("db.operation.name", "SELECT"),
        ("db.collection.name", "orders"),
        ("db.query.summary", "SELECT orders"),
        (
            "db.query.text",
            "SELECT id, secret FROM orders WHERE id = ? AND secret = ?",
        ),
        ("db.response.returned_rows", "1"),
    ] {
        assert_eq!(query.attributes[key], expected, "{key}");
    }
    assert!(!request.attributes.contains_key("sql.n_plus_one.count"));
    assert!(!format!("{spans:?}").contains("hunter2"), "{spans:#?}");
    assert!(!exposition().contains("hunter2"));

    let labels = [
        ("db_operation_name", "SELECT"),
        ("db_collection_name", "orders"),
        ("db_query_summary", "SELECT orders"),
    ];
    assert!(value("db_client_operation_duration_seconds_count", &labels) >= Some(1.0));
    let route = |route| [("http_route", route)];
    wait_for_value("sql_queries_per_request_count", &route("/orders/{id}"), 1.0);
    wait_for_value("sql_queries_per_request_sum", &route("/orders/{id}"), 1.0);
    assert_eq!(
        value("sql_queries_per_request_count", &route("/empty")),
        None
    );
    // The first check accepts any trace id, because the exemplar may be from another test's span of the same statement.
    let has_exemplar = |metric: &str, id: &str| {
        exposition()
            .lines()
            .any(|line| line.starts_with(metric) && line.contains(&format!("# {{trace_id=\"{id}")))
    };
    assert!(has_exemplar(
        "db_client_operation_duration_seconds_bucket",
        ""
    ));
    assert!(has_exemplar(
        "sql_queries_per_request_bucket",
        &request.trace_id
    ));
    assert!(value("db_client_connection_wait_time_seconds_count", &[]) >= Some(1.0));
}

fn n_plus_one() {
    telemetry::start();
    on_runtime(async {
        let router = router(database().await);
        assert_eq!(get_from(&router, "/orders").await, "25 orders, 0 items");
    });
    let spans = trace("GET /orders");
    let request = named(&spans, "GET /orders");
    assert_eq!(request.attributes["sql.n_plus_one.summary"], "SELECT items");
    assert_eq!(request.attributes["sql.n_plus_one.count"], "25");
    let queries = spans.iter().filter(|span| span.name == "SELECT items");
    assert_eq!(queries.count(), 25);
    let parent = &named(&spans, "SELECT items").parent_span_id;
    assert_eq!(*parent, named(&spans, "items_of").span_id);
    let labels = [
        ("http_route", "/orders"),
        ("db_query_summary", "SELECT items"),
    ];
    wait_for_value("sql_n_plus_one_total", &labels, 1.0);
    wait_for_value("sql_queries_per_request_sum", &labels[..1], 26.0);
}

fn errors() {
    telemetry::start();
    on_runtime(async {
        let pool = database().await;
        let work = async {
            let insert = sqlx::query("INSERT INTO orders (id, secret) VALUES (1, 'hunter2')");
            insert.execute(&pool).instrumented().await.unwrap_err();
            let missing = sqlx::query("SELECT id FROM orders WHERE id = -1");
            missing.fetch_one(&pool).instrumented().await.unwrap_err();
            let broken = sqlx::query("SELECT nothing FROM nowhere");
            broken.execute(&pool).instrumented().await.unwrap_err();
        };
        within("errors of sqlite", work).await;
    });
    let spans = trace("errors of sqlite");
    let insert = named(&spans, "INSERT orders");
    assert_eq!((insert.kind, insert.status), ("client", "error"));
    // 1555 is SQLITE_CONSTRAINT_PRIMARYKEY.
    assert_eq!(insert.attributes["db.response.status_code"], "1555");
    assert_eq!(insert.attributes["error.type"], "1555");
    assert_eq!(named(&spans, "SELECT orders").status, "unset");
    assert_eq!(
        named(&spans, "SELECT nowhere").attributes["error.type"],
        "1"
    );
    assert_eq!(spans.len(), 4, "three calls, and their parent: {spans:#?}");
    assert!(!format!("{spans:?}").contains("hunter2"));
    let failed = [
        ("db_query_summary", "INSERT orders"),
        ("error_type", "1555"),
    ];
    wait_for_value("db_client_operation_duration_seconds_count", &failed, 1.0);
}

fn canceled() {
    telemetry::start();
    let before_drop = OnceLock::new();
    let work = async {
        let call = pending::<Result<(), sqlx::Error>>().instrumented();
        let mut call = Box::pin(call);
        let is_over = tokio::time::timeout(Duration::from_millis(5), &mut call).await;
        assert!(is_over.is_err());
        before_drop.set(SystemTime::now()).unwrap();
        drop(call);
    };
    on_runtime(within("a canceled call of sqlx", work));
    let spans = trace("a canceled call of sqlx");
    let call = named(&spans, "query");
    assert!(call.end >= *before_drop.get().unwrap(), "{call:#?}");
    assert_eq!(call.attributes["sql.query.outcome"], "dropped");
}

fn transactions() {
    telemetry::start();
    on_runtime(async {
        let pool = database().await;
        let work = async {
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            let insert = sqlx::query("INSERT INTO orders (id) VALUES (100)");
            insert
                .execute(&mut *transaction)
                .instrumented()
                .await
                .unwrap();
            let update = sqlx::query("UPDATE orders SET secret = '' WHERE id = -1");
            update.execute(&mut *transaction).await.unwrap();
            transaction.commit().await.unwrap();
            let transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            transaction.rollback().await.unwrap();
            drop(firstlight::sqlx::begin(&pool).await.unwrap());
        };
        within("transactions of sqlite", work).await;
    });
    let spans = trace("transactions of sqlite");
    let outcomes: Vec<_> = (spans.iter())
        .filter(|span| span.name == "transaction")
        .map(|span| &*span.attributes["sql.transaction.outcome"])
        .collect();
    assert_eq!(outcomes, ["commit", "rollback", "dropped"]);
    let (insert, commit) = (named(&spans, "INSERT orders"), named(&spans, "COMMIT"));
    let rows = |name| &*named(&spans, name).attributes["sql.affected_rows"];
    assert_eq!(rows("INSERT orders"), "1");
    assert_eq!(rows("UPDATE orders"), "0", "the row was not there");
    let first = named(&spans, "transaction");
    assert!(
        first.start <= insert.start && commit.end <= first.end,
        "{spans:#?}"
    );
    for outcome in outcomes {
        let labels = [("db_system_name", "sqlite"), ("outcome", outcome)];
        let count = value("sql_transaction_duration_seconds_count", &labels);
        assert_eq!(count, Some(1.0), "{outcome}");
    }
}

fn counting() {
    telemetry::start();
    on_runtime(async {
        let pool = database().await;
        let one = async || {
            let select = sqlx::query("SELECT id FROM orders WHERE secret = 'hunter2'");
            select.fetch_all(&pool).await.unwrap().len()
        };
        let rows = firstlight::testing::assert_queries!(1, one());
        assert_eq!(rows, 25);
        let many = async {
            for _ in 0..3 {
                one().await;
            }
        };
        let ((), queries) = count_queries(many).await;
        assert_eq!(queries.summaries(), ["SELECT orders"; 3]);
        assert_eq!(
            queries.to_string(),
            "     3 x SELECT id FROM orders WHERE secret = ?\n"
        );

        // The first assertion covers a whole request. The second one fails because of too many queries.
        let router = router(pool.clone());
        firstlight::testing::assert_queries!(26, get_from(&router, "/counted"));
        let too_many = tokio::spawn(async move {
            firstlight::testing::assert_queries!(2, get_from(&router, "/counted"))
        });
        assert_eq!(
            message(&*too_many.await.unwrap_err().into_panic()),
            "queries: expected at most 2, found 26:\n     \
             1 x SELECT id FROM orders\n    \
             25 x SELECT id FROM items WHERE order_id = ?\n"
        );
    });
    let _capture = firstlight::testing::capture();
    let counted =
        std::panic::catch_unwind(|| on_runtime(async { drop(count_queries(async {}).await) }));
    let rejected = message(&*counted.unwrap_err());
    assert!(rejected.contains("inside a capture"), "{rejected}");
}

/// Returns the message of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let constant = || panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(constant).unwrap()
}

fn counting_at_once() {
    telemetry::start();
    on_runtime(async {
        let pool = database().await;
        let count = |number: usize| {
            let pool = pool.clone();
            tokio::spawn(count_queries(async move {
                for _ in 0..number {
                    sqlx::query("SELECT 1").execute(&pool).await.unwrap();
                }
            }))
        };
        let tasks: Vec<_> = (0..8).map(count).collect();
        for (number, task) in tasks.into_iter().enumerate() {
            let ((), queries) = task.await.unwrap();
            assert_eq!(queries.len(), number);
        }
    });
}

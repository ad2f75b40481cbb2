//! Tests with a PostgreSQL server.

use std::{str::FromStr, time::Duration};

use firstlight::sqlx::InstrumentQuery;
use sqlx::{
    Error, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    POSTGRES, on_runtime,
    telemetry::{self, named, trace, value},
    within,
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("postgres::queries_name_their_server", spans),
    ("postgres::errors_have_their_sqlstate", errors),
    ("postgres::conflicts_have_their_code", conflicts),
    ("postgres::exhausted_pools_are_counted", exhausted),
    ("postgres::ended_connections_are_errors", terminated),
];

/// Returns the options of connections whose search path is a schema.
pub(crate) fn options(schema: &str) -> PgConnectOptions {
    let url = std::env::var(POSTGRES).unwrap();
    PgConnectOptions::from_str(&url)
        .unwrap()
        .options([("search_path", schema)])
}

/// Creates an empty schema and returns a pool that uses it.
pub(crate) async fn schema(name: &str) -> PgPool {
    let pool = firstlight::sqlx::instrument_options(PgPoolOptions::new().max_connections(4))
        .connect_with(options(name))
        .await
        .unwrap();
    let make = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(make))
        .execute(&pool)
        .await
        .unwrap();
    pool
}

/// Opens another pool on a schema.
pub(crate) async fn schema_again(name: &str) -> PgPool {
    PgPool::connect_with(options(name)).await.unwrap()
}

/// Creates a schema with two orders and returns a pool that uses it.
async fn orders(name: &str) -> PgPool {
    let pool = schema(name).await;
    sqlx::raw_sql("CREATE TABLE orders (id bigint PRIMARY KEY, secret text); INSERT INTO orders VALUES (1, 'hunter2'), (2, 'hunter2')")
        .execute(&pool)
        .await
        .unwrap();
    pool
}

fn spans() {
    telemetry::start();
    on_runtime(async {
        let pool = orders("spans").await;
        firstlight::sqlx::instrument_pool(&pool);
        let work = async {
            let row =
                sqlx::query("SELECT count(*) FROM orders WHERE id < $1 AND secret = 'hunter2'")
                    .bind(2_i64)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
            assert_eq!(row.get::<i64, _>(0), 1);
            let rows = sqlx::query("UPDATE orders SET secret = $1").bind("hunter2");
            rows.execute(&pool).instrumented().await.unwrap();
        };
        within("spans of postgresql", work).await;
        let spans = trace("spans of postgresql");
        for (name, operation) in [("SELECT orders", "SELECT"), ("UPDATE orders", "UPDATE")] {
            let span = named(&spans, name);
            assert_eq!(span.kind, "client");
            assert_eq!(span.attributes["db.operation.name"], operation);
            assert_eq!(span.attributes["db.collection.name"], "orders");
        }
        let select = named(&spans, "SELECT orders");
        assert_eq!(
            select.attributes["db.query.text"],
            "SELECT count(*) FROM orders WHERE id < $1 AND secret = ?"
        );
        assert_eq!(
            named(&spans, "UPDATE orders").attributes["sql.affected_rows"],
            "2"
        );
        assert!(!format!("{spans:?}").contains("hunter2"));
        pool.close().await;
    });
}

fn errors() {
    telemetry::start();
    on_runtime(async {
        let pool = orders("errors").await;
        within("errors of postgresql", async {
            let insert = sqlx::query("INSERT INTO orders VALUES (1, 'hunter2')");
            insert.execute(&pool).instrumented().await.unwrap_err();
            let broken = sqlx::query("DELETE FROM nowhere");
            broken.execute(&pool).instrumented().await.unwrap_err();
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            sqlx::raw_sql("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO late VALUES (1), (1)")
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.commit().await.unwrap_err();
        })
        .await;
    });
    let spans = trace("errors of postgresql");
    for (name, code) in [
        ("INSERT orders", "23505"),
        ("DELETE nowhere", "42P01"),
        ("COMMIT", "23505"),
    ] {
        let span = named(&spans, name);
        assert_eq!(span.status, "error", "{name}");
        assert_eq!(span.attributes["db.response.status_code"], code, "{name}");
        assert_eq!(span.attributes["error.type"], code, "{name}");
    }
    let transaction = named(&spans, "transaction");
    assert_eq!(transaction.attributes["sql.transaction.outcome"], "error");
    assert_eq!(transaction.status, "error");
    assert!(!format!("{spans:?}").contains("hunter2"), "{spans:#?}");
    let labels = [
        ("db_query_summary", "INSERT orders"),
        ("db_response_status_code", "23505"),
    ];
    let count = value("db_client_operation_duration_seconds_count", &labels);
    assert_eq!(count, Some(1.0));
}

fn conflicts() {
    telemetry::start();
    on_runtime(async {
        let pool = orders("conflicts").await;
        within("conflicts of postgresql", async {
            // Each transaction holds the row that the other one needs.
            let mut a = firstlight::sqlx::begin(&pool).await.unwrap();
            let mut b = firstlight::sqlx::begin(&pool).await.unwrap();
            let lock = "UPDATE orders SET secret = '' WHERE id = $1";
            sqlx::query(lock)
                .bind(1_i64)
                .execute(&mut *a)
                .await
                .unwrap();
            sqlx::query(lock)
                .bind(2_i64)
                .execute(&mut *b)
                .await
                .unwrap();
            let (a2, b2) = tokio::join!(
                sqlx::query(lock)
                    .bind(2_i64)
                    .execute(&mut *a)
                    .instrumented(),
                sqlx::query(lock)
                    .bind(1_i64)
                    .execute(&mut *b)
                    .instrumented(),
            );
            assert!(a2.is_err() != b2.is_err(), "{a2:?} {b2:?}");
            drop((a, b));

            let serializable = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE";
            let mut a = firstlight::sqlx::begin(&pool).await.unwrap();
            let mut b = firstlight::sqlx::begin(&pool).await.unwrap();
            for transaction in [&mut a, &mut b] {
                let connection = &mut **transaction;
                sqlx::raw_sql(serializable)
                    .execute(&mut *connection)
                    .await
                    .unwrap();
                let count = sqlx::query("SELECT count(*) FROM orders");
                count.fetch_one(&mut *connection).await.unwrap();
            }
            let insert = "INSERT INTO orders VALUES ($1)";
            sqlx::query(insert)
                .bind(3_i64)
                .execute(&mut *a)
                .await
                .unwrap();
            sqlx::query(insert)
                .bind(4_i64)
                .execute(&mut *b)
                .await
                .unwrap();
            a.commit().await.unwrap();
            b.commit().await.unwrap_err();
        })
        .await;
    });
    let spans = trace("conflicts of postgresql");
    let codes: Vec<_> = (spans.iter())
        .filter_map(|span| Some((&*span.name, &**span.attributes.get("error.type")?)))
        .collect();
    assert_eq!(codes, [("UPDATE orders", "40P01"), ("COMMIT", "40001")]);
}

fn exhausted() {
    telemetry::start();
    on_runtime(async {
        let options_of_pool =
            firstlight::sqlx::instrument_options(PgPoolOptions::new().max_connections(1))
                .acquire_timeout(Duration::from_millis(300));
        let pool = options_of_pool
            .connect_with(options("public"))
            .await
            .unwrap();
        firstlight::sqlx::instrument_pool_as(&pool, "tight");
        let name = ("db_client_connection_pool_name", "tight");
        let connections = |state| {
            let labels = [name, ("db_client_connection_state", state)];
            value("db_client_connection_count", &labels)
        };
        assert_eq!(value("db_client_connection_limit", &[name]), Some(1.0));
        let held = pool.acquire().await.unwrap();
        assert_eq!(
            (connections("used"), connections("idle")),
            (Some(1.0), Some(0.0))
        );
        within("an exhausted pool", async {
            let select = sqlx::query("SELECT 1").execute(&pool).instrumented().await;
            assert!(matches!(select, Err(Error::PoolTimedOut)), "{select:?}");
        })
        .await;
        drop(held);
        sqlx::query("SELECT 1")
            .execute(&pool)
            .instrumented()
            .await
            .unwrap();

        let spans = trace("an exhausted pool");
        assert_eq!(
            named(&spans, "query").attributes["error.type"],
            "pool_timed_out"
        );
        // The labels leave out the pool's name, because the series has none while a pool of another
        // test is observed as well.
        assert_eq!(value("db_client_connection_timeouts_total", &[]), Some(1.0));
        pool.close().await;
        assert_eq!(value("db_client_connection_limit", &[name]), None);
    });
}

fn terminated() {
    telemetry::start();
    on_runtime(async {
        let pool = orders("terminated").await;
        within("a terminated connection", async {
            let own = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())");
            own.execute(&pool).instrumented().await.unwrap_err();
            let select = sqlx::query("SELECT id FROM orders").fetch_all(&pool);
            assert_eq!(select.instrumented().await.unwrap().len(), 2);
        })
        .await;
    });
    let spans = trace("a terminated connection");
    assert_eq!(named(&spans, "SELECT").attributes["error.type"], "57P01");
    assert_eq!(named(&spans, "SELECT orders").status, "unset");
}

//! Tests of transactions on PostgreSQL.
//!
//! PostgreSQL reports some failed commits as a success.

use std::time::Duration;

use firstlight::sqlx::ErrorClass;
use sqlx::{Connection, Error, PgPool, postgres::PgPoolOptions};
use tokio::time::timeout;

use crate::{on_runtime, postgres};

pub(crate) const TESTS: &[(&str, fn())] = &[
    (
        "transaction::failed_savepoints_fail_the_commit",
        failed_savepoint,
    ),
    (
        "transaction::postgres_begun_by_statement_are_closed",
        begun_by_statement,
    ),
    (
        "transaction::failed_statements_fail_the_commit",
        failed_statement,
    ),
    (
        "transaction::postgres_ended_by_statement_fail_commit",
        ended,
    ),
    ("transaction::postgres_drops_savepoints", dropped),
    ("transaction::postgres_keeps_what_it_committed", commits),
];

/// Creates a schema with the table `rows`, and returns a pool that uses it.
async fn rows(name: &str, max_connections: u32) -> PgPool {
    let pool = postgres::schema(name).await;
    let make = "CREATE TABLE rows (id bigint PRIMARY KEY)";
    sqlx::raw_sql(make).execute(&pool).await.unwrap();
    pool.close().await;
    let pool = PgPoolOptions::new().max_connections(max_connections);
    pool.connect_with(postgres::options(name)).await.unwrap()
}

/// Stores a row in a transaction of firstlight's `begin`.
async fn store(pool: &PgPool, id: i64) -> Result<(), Error> {
    let mut transaction = firstlight::sqlx::begin(pool).await?;
    let insert = sqlx::query("INSERT INTO rows VALUES ($1)").bind(id);
    insert.execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Returns the rows that another pool sees.
async fn stored(name: &str) -> Vec<i64> {
    let other = postgres::schema_again(name).await;
    let rows = sqlx::query_scalar("SELECT id FROM rows ORDER BY id");
    rows.fetch_all(&other).await.unwrap()
}

/// Tests a program that continues after a failed statement, as it may on SQLite.
fn failed_statement() {
    on_runtime(async {
        let name = "failed_statement";
        let pool = rows(name, 1).await;
        store(&pool, 1).await.unwrap();
        let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
        for id in [2_i64, 1] {
            let insert = sqlx::query("INSERT INTO rows VALUES ($1)").bind(id);
            let _ = insert.execute(&mut *transaction).await;
        }
        let failed = transaction.commit().await.unwrap_err();
        let code = failed.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("25P02"), "{failed}");
        store(&pool, 3).await.unwrap();
        assert_eq!(stored(name).await, [1, 3]);
    });
}

/// Tests that a commit fails after a statement has ended the transaction.
fn ended() {
    on_runtime(async {
        let name = "ended";
        let pool = rows(name, 1).await;
        for end in ["COMMIT", "ROLLBACK", "INSERT INTO rows VALUES (1); COMMIT"] {
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            let ending = sqlx::raw_sql(end).execute(&mut *transaction).await;
            ending.unwrap();
            transaction.commit().await.unwrap_err();
        }
        store(&pool, 2).await.unwrap();
        assert_eq!(stored(name).await, [1, 2]);
    });
}

fn dropped() {
    on_runtime(async {
        let name = "dropped";
        let pool = rows(name, 1).await;
        for id in 0..20_i64 {
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            let insert = sqlx::query("INSERT INTO rows VALUES ($1)").bind(id);
            insert.execute(&mut *transaction).await.unwrap();
            let mut savepoint = transaction.begin().await.unwrap();
            let insert = sqlx::query("INSERT INTO rows VALUES ($1)").bind(id);
            // The insert fails, and is rolled back with the savepoint.
            insert.execute(&mut *savepoint).await.unwrap_err();
            drop(savepoint);
            transaction.commit().await.unwrap();
        }
        assert_eq!(stored(name).await, (0..20).collect::<Vec<_>>());
    });
}

/// A trigger that makes commits fail, depending on the id modulo 6.
///
/// With remainder 1 a commit collides with another, with 2 the server cancels it, and with 3 its connection is
/// terminated. With 4 it takes 200 ms, which is longer than the client waits.
const AT_COMMIT: &str = "
    CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        CASE NEW.id % 6
            WHEN 1 THEN RAISE EXCEPTION 'collides' USING ERRCODE = '40001';
            WHEN 2 THEN PERFORM pg_cancel_backend(pg_backend_pid()), pg_sleep(60);
            WHEN 3 THEN PERFORM pg_terminate_backend(pg_backend_pid());
            WHEN 4 THEN PERFORM pg_sleep(0.2);
            ELSE NULL;
        END CASE;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON rows DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION at_commit()";

fn commits() {
    on_runtime(async {
        let name = "at_commit";
        let pool = rows(name, 1).await;
        sqlx::raw_sql(AT_COMMIT).execute(&pool).await.unwrap();
        let mut committed = Vec::new();
        for id in 0..30 {
            let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            let insert = sqlx::query("INSERT INTO rows VALUES ($1)").bind(id);
            insert.execute(&mut *transaction).await.unwrap();
            if id % 6 == 4 {
                let commit = timeout(Duration::from_millis(20), transaction.commit());
                // The client has canceled the commit, so it is unknown whether the row is stored.
                let _ = commit.await;
                continue;
            }
            match transaction.commit().await {
                Ok(()) => committed.push(id),
                Err(error) => {
                    assert!((1..=3).contains(&(id % 6)), "{id}: {error}");
                    assert_eq!(ErrorClass::of(&error), ErrorClass::Unavailable, "{error}");
                }
            }
        }
        let expected: Vec<_> = (0..30).filter(|id| matches!(id % 6, 0 | 5)).collect();
        assert_eq!(committed, expected);
        let mut found = stored(name).await;
        found.retain(|id| id % 6 != 4);
        assert_eq!(found, expected);
    });
}

fn failed_savepoint() {
    on_runtime(async {
        let pool = postgres::schema("failed_savepoint").await;
        let mut transaction = firstlight::sqlx::begin(&pool).await.unwrap();
        let wrong = sqlx::raw_sql("SELECT nothing");
        wrong.execute(&mut *transaction).await.unwrap_err();
        // sqlx rolls back the whole transaction here. The commit of a transaction of sqlx's own
        // `begin` would then be reported as a success.
        drop(transaction.begin().await.unwrap_err());
        let failed = transaction.commit().await.unwrap_err();
        assert!(matches!(failed, Error::Protocol(_)), "{failed}");
        firstlight::sqlx::begin(&pool)
            .await
            .unwrap()
            .commit()
            .await
            .unwrap();
    });
}

/// Tests that a connection returned with an open transaction is closed.
fn begun_by_statement() {
    on_runtime(async {
        let pool = postgres::schema("statement_begin").await;
        let make = "CREATE TABLE rows (id bigint)";
        sqlx::raw_sql(make).execute(&pool).await.unwrap();
        for unfinished in ["BEGIN; INSERT INTO rows VALUES (1)", "BEGIN; SELECT 1/0"] {
            let mut connection = pool.acquire().await.unwrap();
            let _ = sqlx::raw_sql(unfinished).execute(&mut *connection).await;
            drop(connection);
            for _ in 0..8 {
                let insert = sqlx::raw_sql("INSERT INTO rows VALUES (2)");
                insert.execute(&pool).await.unwrap();
            }
        }
        let other = postgres::schema_again("statement_begin").await;
        let rows = sqlx::query_scalar::<_, i64>("SELECT id FROM rows");
        assert_eq!(rows.fetch_all(&other).await.unwrap(), [2; 16]);
    });
}

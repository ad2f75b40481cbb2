//! Tests of the classification of database errors.

use std::time::Duration;

use firstlight::sqlx::ErrorClass;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::{on_runtime, postgres};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("error_class::of_sqlite_codes", classes),
    ("error_class::of_sqlite_files", files),
];

pub(crate) const POSTGRES_TESTS: &[(&str, fn())] = &[
    ("error_class::of_sqlstates", sqlstates),
    ("error_class::of_values_of_clients", values),
];

fn classes() {
    on_runtime(async {
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:")
            .await
            .unwrap();
        let tables = "PRAGMA foreign_keys = 1; CREATE TABLE a (id integer PRIMARY KEY, name text UNIQUE NOT NULL);
            CREATE TABLE b (a integer REFERENCES a);
            CREATE TABLE c (n integer CHECK (n > 0)) STRICT; INSERT INTO a VALUES (1, 'x')";
        sqlx::raw_sql(tables)
            .execute(&mut connection)
            .await
            .unwrap();
        for (statement, class) in [
            ("INSERT INTO a VALUES (1, 'y')", ErrorClass::Conflict),
            ("INSERT INTO a VALUES (2, 'x')", ErrorClass::Conflict),
            ("INSERT INTO b VALUES (7)", ErrorClass::Conflict),
            ("INSERT INTO c VALUES ('no number')", ErrorClass::Invalid),
            ("INSERT INTO c VALUES (-1)", ErrorClass::Invalid),
            ("INSERT INTO a VALUES ('no id', 'y')", ErrorClass::Invalid),
            ("SELECT zeroblob(2000000000)", ErrorClass::Invalid),
            ("INSERT INTO a VALUES (2, NULL)", ErrorClass::Internal),
            ("SELECT nothing", ErrorClass::Internal),
            (
                "PRAGMA query_only = 1; INSERT INTO a VALUES (3, 'z')",
                ErrorClass::Unavailable,
            ),
            (
                "PRAGMA query_only = 0; PRAGMA max_page_count = 1; INSERT INTO a VALUES (4, hex(zeroblob(90000)))",
                ErrorClass::Unavailable,
            ),
        ] {
            let failed = sqlx::raw_sql(statement).execute(&mut connection).await;
            let error = failed.unwrap_err();
            assert_eq!(ErrorClass::of(&error), class, "{statement}: {error}");
        }
        let missing = sqlx::SqliteConnection::connect("sqlite:///nowhere/rows.db").await;
        let error = missing.unwrap_err();
        assert_eq!(ErrorClass::of(&error), ErrorClass::Unavailable, "{error}");
    });
}

/// Tests a database file that another connection has locked, and a damaged file.
fn files() {
    on_runtime(async {
        let folder = std::env::temp_dir().join(format!("firstlight-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let options = |name: &str| {
            let options = SqliteConnectOptions::new().filename(folder.join(name));
            options.busy_timeout(Duration::ZERO).create_if_missing(true)
        };
        let mut holder = options("rows.db").connect().await.unwrap();
        let mut other = options("rows.db").connect().await.unwrap();
        let hold = "CREATE TABLE rows (id integer); BEGIN EXCLUSIVE";
        sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
        let read = sqlx::raw_sql("SELECT * FROM rows")
            .execute(&mut other)
            .await;
        let error = read.unwrap_err();
        assert_eq!(ErrorClass::of(&error), ErrorClass::Unavailable, "{error}");
        std::fs::write(folder.join("text.db"), "no database at all".repeat(100)).unwrap();
        let error = match options("text.db").connect().await {
            Ok(mut opened) => {
                let read = sqlx::raw_sql("SELECT * FROM rows")
                    .execute(&mut opened)
                    .await;
                read.unwrap_err()
            }
            Err(error) => error,
        };
        assert_eq!(ErrorClass::of(&error), ErrorClass::Internal, "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    });
}

fn sqlstates() {
    on_runtime(async {
        let pool = postgres::schema("classes").await;
        let raised = |state: &str| {
            format!("DO $$ BEGIN RAISE EXCEPTION 'wrong' USING ERRCODE = '{state}'; END $$")
        };
        for (class, states) in [
            (
                ErrorClass::Invalid,
                "22000 22001 22003 22007 22008 22009 22011 22015 22021 22023 22026 2201B 2201W 2201X 22P02 22P05 44000 54000 54001",
            ),
            (ErrorClass::Conflict, "23505 23503 23P01"),
            (
                ErrorClass::Unavailable,
                "08000 08003 08006 25006 25P03 25P04 40001 40P01 53000 53100 53200 53300 55P03 57014 57P01 57P03 58030 58P01",
            ),
            (
                ErrorClass::Internal,
                "0A000 22004 22012 2201E 22P03 23502 23514 25P02 42501 42601 42P01 P0001 XX000 XX001",
            ),
        ] {
            for state in states.split(' ') {
                let failed = sqlx::raw_sql(AssertSqlSafe(raised(state)));
                let error = failed.execute(&pool).await.unwrap_err();
                assert_eq!(ErrorClass::of(&error), class, "{state}: {error}");
            }
        }
        // The server uses 54000, the code of a value that is too long, for this failure as well.
        let wraparound = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '54000', MESSAGE =
            'database is not accepting commands that assign new transaction IDs to avoid wraparound data loss in database \"a\"'; END $$";
        let failed = sqlx::raw_sql(wraparound).execute(&pool).await;
        let error = failed.unwrap_err();
        assert_eq!(ErrorClass::of(&error), ErrorClass::Unavailable, "{error}");
        let read_only = "SET default_transaction_read_only = on";
        let mut connection = pool.acquire().await.unwrap();
        sqlx::raw_sql(read_only)
            .execute(&mut *connection)
            .await
            .unwrap();
        let make = sqlx::raw_sql("CREATE TABLE rows (id bigint)");
        let error = make.execute(&mut *connection).await.unwrap_err();
        assert_eq!(ErrorClass::of(&error), ErrorClass::Unavailable, "{error}");
    });
}

/// Tests values of clients, which are bound as text.
fn values() {
    on_runtime(async {
        let pool = postgres::schema("values").await;
        let tables = "CREATE TABLE a (id integer PRIMARY KEY, name varchar(4), born date, span int4range,
                CHECK (name <> 'no'), EXCLUDE USING gist (span WITH &&));
            CREATE TABLE b (a integer NOT NULL REFERENCES a); INSERT INTO a VALUES (1, 'x', NULL, '[1,5]');
            CREATE TABLE indexed (name text UNIQUE);
            CREATE TABLE parts (day integer) PARTITION BY RANGE (day)";
        sqlx::raw_sql(tables).execute(&pool).await.unwrap();
        for (class, statement, value) in [
            (ErrorClass::Invalid, "SELECT $1", "a\0b"),
            (
                ErrorClass::Invalid,
                "SELECT $1::jsonb::text",
                r#""a\u0000b""#,
            ),
            (ErrorClass::Invalid, "SELECT $1::jsonb::text", "{"),
            (ErrorClass::Invalid, "SELECT $1::uuid::text", "no uuid"),
            (ErrorClass::Invalid, "SELECT $1::date::text", "2020-13-45"),
            (
                ErrorClass::Invalid,
                "SELECT $1::timestamptz::text",
                "2020-01-01 00:00 Nowhere/Here",
            ),
            (
                ErrorClass::Invalid,
                "SELECT $1::timestamptz::text",
                "2020-01-01 00:00+99",
            ),
            (
                ErrorClass::Invalid,
                "SELECT $1::interval::text",
                "100000000000 years",
            ),
            (ErrorClass::Invalid, "SELECT $1::bytea::text", r"\xzz"),
            (
                ErrorClass::Invalid,
                "SELECT (now() AT TIME ZONE $1)::text",
                "Nowhere/Here",
            ),
            (
                ErrorClass::Invalid,
                "SELECT int4range($1::integer, 1)::text",
                "5",
            ),
            (
                ErrorClass::Invalid,
                "SELECT substring('name' FROM 1 FOR $1::integer)",
                "-1",
            ),
            (ErrorClass::Invalid, "SELECT ('name' ~ $1)::text", "("),
            (ErrorClass::Invalid, "SELECT 'name' LIMIT $1::integer", "-1"),
            (
                ErrorClass::Invalid,
                "SELECT ($1::integer)::text",
                "99999999999",
            ),
            (
                ErrorClass::Invalid,
                "INSERT INTO a VALUES (2, $1)",
                "too long",
            ),
            (
                ErrorClass::Conflict,
                "INSERT INTO a VALUES ($1::integer)",
                "1",
            ),
            (
                ErrorClass::Conflict,
                "INSERT INTO a (id, span) VALUES (2, $1::int4range)",
                "[3,4]",
            ),
            (
                ErrorClass::Conflict,
                "INSERT INTO b VALUES ($1::integer)",
                "7",
            ),
            (ErrorClass::Invalid, "INSERT INTO a VALUES (3, $1)", "no"),
            (
                ErrorClass::Invalid,
                "INSERT INTO indexed SELECT string_agg(md5($1 || i), '') FROM generate_series(1, 100) i",
                "longer than a third of an index page",
            ),
            (
                ErrorClass::Invalid,
                "INSERT INTO indexed SELECT string_agg(md5($1 || i), '') FROM generate_series(1, 1000) i",
                "longer than an index page",
            ),
            // The service has not created the partition for this value.
            (
                ErrorClass::Internal,
                "INSERT INTO parts VALUES ($1::integer)",
                "1",
            ),
            (
                ErrorClass::Internal,
                "INSERT INTO b VALUES (NULLIF($1, '')::integer)",
                "",
            ),
            (ErrorClass::Internal, "SELECT (1 / $1::integer)::text", "0"),
        ] {
            let failed = sqlx::query(statement).bind(value);
            let error = failed.execute(&pool).await.unwrap_err();
            assert_eq!(
                ErrorClass::of(&error),
                class,
                "{statement} of {value}: {error}"
            );
        }
    });
}

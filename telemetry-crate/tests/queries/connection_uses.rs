//! Tests of what `/traces` says about open queries and connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use firstlight::sqlx::InstrumentQuery;
use sqlx::{
    Database, Executor, IntoArguments, Pool, Postgres, Sqlite,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::task::JoinHandle;

use crate::{
    on_runtime, postgres,
    telemetry::{self, named, trace},
    within,
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("connection_uses::sqlite_locks_show_the_statement", || {
        on_runtime(async { hung(sqlite("hung").await, "hung on sqlite").await });
    }),
    ("connection_uses::sqlite_holders_are_named", || {
        on_runtime(async { starved(sqlite("starved").await, "sqlite").await });
    }),
    ("connection_uses::unseen_holders_are_possible", || {
        on_runtime(async { unseen(sqlite("unseen").await).await });
    }),
];

pub(crate) const POSTGRES_TESTS: &[(&str, fn())] = &[
    ("connection_uses::postgres_locks_show_the_statement", || {
        on_runtime(async { hung(postgres("hung").await, "hung on postgresql").await });
    }),
    ("connection_uses::postgres_holders_are_named", || {
        on_runtime(async { starved(postgres("starved").await, "postgresql").await });
    }),
];

/// The longest wait of a call, so that none of them times out.
const LONG: Duration = Duration::from_secs(120);

/// A kind of database whose rows can be written and locked.
trait Rows: Database {
    const INSERT: &'static str;
}

impl Rows for Sqlite {
    const INSERT: &'static str = "INSERT INTO rows (id) VALUES (?) ON CONFLICT DO NOTHING";
}

impl Rows for Postgres {
    const INSERT: &'static str = "INSERT INTO rows (id) VALUES ($1) ON CONFLICT DO NOTHING";
}

/// Opens a pool of two connections to a new file with the table `rows`.
pub(crate) async fn sqlite(name: &str) -> Pool<Sqlite> {
    telemetry::start();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("uses-{name}-{}.db", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let connect = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .busy_timeout(LONG);
    let options = SqlitePoolOptions::new()
        .max_connections(2)
        .acquire_timeout(LONG);
    let pool = firstlight::sqlx::instrument_options(options);
    with_rows(pool.connect_with(connect).await.unwrap()).await
}

/// Opens a pool of two connections to a new schema with the table `rows`.
async fn postgres(name: &str) -> Pool<Postgres> {
    telemetry::start();
    let name = format!("uses_{name}");
    postgres::schema(&name).await.close().await;
    let options = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(LONG);
    let pool = firstlight::sqlx::instrument_options(options);
    with_rows(pool.connect_with(postgres::options(&name)).await.unwrap()).await
}

async fn with_rows<DB: Rows>(pool: Pool<DB>) -> Pool<DB>
where
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
{
    let make = "CREATE TABLE rows (id bigint PRIMARY KEY)";
    pool.execute(make).await.unwrap();
    pool
}

/// The line of the call below.
const INSERTED_AT: u32 = line!() + 15;

/// Writes a row.
///
/// The call hangs while another transaction has written the same row.
async fn insert<'c, DB, E>(executor: E)
where
    DB: Rows,
    E: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
    i64: sqlx::Type<DB> + for<'q> sqlx::Encode<'q, DB>,
{
    let insert = sqlx::query::<DB>(DB::INSERT)
        .bind(1_i64)
        .execute(executor)
        .instrumented();
    let _ = insert.await.unwrap();
}

/// Asks for `/traces` until it has all of these texts.
async fn traces_with(path: &str, texts: &[&str]) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let path = path.to_owned();
        let answer = tokio::task::spawn_blocking(move || telemetry::traces(&path))
            .await
            .unwrap();
        let missing = texts.iter().find(|text| !answer.contains(**text));
        let Some(missing) = missing else {
            return answer;
        };
        assert!(Instant::now() < deadline, "no {missing:?} in\n{answer}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn hung<DB>(pool: Pool<DB>, root: &'static str)
where
    DB: Rows,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
    i64: sqlx::Type<DB> + for<'q> sqlx::Encode<'q, DB>,
{
    firstlight::sqlx::instrument_pool_as(&pool, root);
    // The first call at its place in the source; afterward its statement is known. It opens a connection, for which SQLite's
    // driver runs statements of its own.
    let held = pool.acquire().await.unwrap();
    within(DB::NAME, insert::<DB, _>(&pool)).await;
    drop(held);
    for span in trace(DB::NAME) {
        assert!(
            [DB::NAME, "INSERT rows"].contains(&&*span.name),
            "{span:#?}"
        );
    }
    sqlx::query::<DB>("DELETE FROM rows")
        .execute(&pool)
        .await
        .unwrap();

    let mut lock = firstlight::sqlx::begin(&pool).await.unwrap();
    sqlx::query::<DB>(DB::INSERT)
        .bind(1_i64)
        .execute(&mut *lock)
        .await
        .unwrap();
    let other = pool.clone();
    let call: JoinHandle<_> =
        tokio::spawn(async move { within(root, insert::<DB, _>(&other)).await });
    let at = format!(" at {}:{INSERTED_AT}", file!());
    let text = format!("(db.query.text={})", DB::INSERT.replace("$1", "?"));
    let open = [
        "in INSERT rows for ",
        &*at,
        ", if it runs what it ran there before",
    ];
    let answer = traces_with(&format!("?open&route={}", root.replace(' ', "+")), &open).await;
    assert!(
        answer.contains("(db.query.text=INSERT INTO rows"),
        "{text} {answer}"
    );
    let trace_id = trace_id(&answer, root);

    lock.rollback().await.unwrap();
    call.await.unwrap();
    let exported = trace(root);
    let span = named(&exported, "INSERT rows");
    for unexported in [
        "sql.statement.assumed",
        "code.file.path",
        "code.line.number",
    ] {
        assert!(!span.attributes.contains_key(unexported), "{span:#?}");
    }
    assert_eq!(span.attributes["sql.affected_rows"], "1");
    let ended = traces_with(&format!("/{trace_id}"), &["sql.affected_rows=1"]).await;
    assert!(!ended.contains("assumed"), "{ended}");
    pool.close().await;
}

/// Returns the trace id in the line of a root.
fn trace_id(answer: &str, root: &str) -> String {
    let opens = answer.split("\nopen: ").nth(1).unwrap();
    let line = opens.lines().find(|line| line.contains(root)).unwrap();
    let mut words = line.split_whitespace();
    let id = words.find(|word| word.len() == 32).unwrap();
    id.to_owned()
}

/// Runs `work` as a root that another task awaits.
pub(crate) fn spawn<F>(name: &'static str, work: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(within(name, work))
}

async fn starved<DB>(pool: Pool<DB>, system: &str)
where
    DB: Rows,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
    i64: sqlx::Type<DB> + for<'q> sqlx::Encode<'q, DB>,
{
    let name = format!("starved-{system}");
    firstlight::sqlx::instrument_pool_as(&pool, &*name);
    within("before", insert::<DB, _>(&pool)).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let sleeper = || {
        let (pool, is_over) = (pool.clone(), is_over.clone());
        async move {
            let transaction = firstlight::sqlx::begin(&pool).await.unwrap();
            while !is_over.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            transaction.rollback().await.unwrap();
        }
    };
    let mut tasks = vec![
        spawn("POST /sleeps", sleeper()),
        spawn("POST /sleeps", sleeper()),
    ];
    let full = format!("connections: pool {name} 2 of 2 used");
    let holds = format!("holds 1 connection of pool {name} for ");
    // The pool is also full while the connection of the first call is still being returned.
    while traces_with("?open", &[&full, &holds])
        .await
        .matches(&*holds)
        .count()
        < 2
    {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (begins, calls) = (pool.clone(), pool.clone());
    tasks.push(spawn("GET /begins", async move {
        let transaction = firstlight::sqlx::begin(&begins).await.unwrap();
        transaction.rollback().await.unwrap();
    }));
    tasks.push(spawn(
        "GET /calls",
        async move { insert::<DB, _>(&calls).await },
    ));
    let waits = format!("waits for a connection of pool {name} for ");
    let answer = traces_with(
        "?open",
        &[
            &full,
            &waits,
            "waits for one, transaction at ",
            "waits for one, query INSERT rows at ",
        ],
    )
    .await;

    assert_eq!(answer.matches(&*holds).count(), 2, "{answer}");
    let section = answer.split(&*full).nth(1).unwrap();
    let section = section.split("\n\n").next().unwrap();
    let holders = section
        .lines()
        .filter(|line| line.contains("holds one, transaction at "));
    assert_eq!(
        holders.filter(|line| line.contains("POST /sleeps")).count(),
        2,
        "{answer}"
    );
    let begin = section.lines().find(|line| line.contains("GET /begins"));
    assert!(
        begin.unwrap().contains("waits for one, transaction at "),
        "{answer}"
    );
    assert!(!section.contains("whose use is not seen"), "{answer}");
    // The open transaction is a span of its root.
    assert!(answer.contains("in transaction for "), "{answer}");

    let json: serde_json::Value = serde_json::from_str(&telemetry::traces_json("?open")).unwrap();
    let pools = json["connections"].as_array().unwrap();
    let found = pools.iter().find(|pool| pool["pool"] == name).unwrap();
    assert_eq!((&found["used"], &found["max"]), (&2.into(), &2.into()));
    assert_eq!(found["holders"].as_array().unwrap().len(), 2, "{found}");
    assert_eq!(found["holders"][0]["name"], "POST /sleeps", "{found}");
    assert!(!found["waiting"].as_array().unwrap().is_empty(), "{found}");

    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    pool.close().await;
}

/// Tests a pool whose connection is held by a transaction of sqlx's own `begin`.
async fn unseen(pool: Pool<Sqlite>) {
    firstlight::sqlx::instrument_pool_as(&pool, "unseen");
    let (started, seen) = tokio::sync::oneshot::channel();
    let held = pool.clone();
    let task = spawn("POST /unseen", async move {
        let transaction = held.begin().await.unwrap();
        let _ = seen.await;
        transaction.rollback().await.unwrap();
    });
    let texts = [
        "pool unseen 1 of 2 used",
        "may hold one, acquired outside of",
    ];
    let answer = traces_with("?open", &texts).await;
    let mut lines = answer.lines();
    let line = lines.find(|line| line.contains("may hold one") && line.contains("POST /unseen"));
    assert!(line.is_some(), "{answer}");
    started.send(()).unwrap();
    task.await.unwrap();
    pool.close().await;
}

//! A second kind of job, as the service's README describes.
//!
//! It is a type with its queue, a function, and two lines in `src/jobs.rs`. The routes are only for
//! the test: they request a letter, insert any job as another version or program may do, and list
//! jobs and sent letters.

use std::{sync::LazyLock, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{FromRef, Path, State},
    http::StatusCode,
    routing::{get, post},
};
use firstlight::{
    jobs::{
        Queue,
        apalis::{BoxDynError, TaskQueue},
    },
    sqlx::InstrumentQuery as _,
};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Database as _};
use tokio::time::sleep;

use crate::{
    app::AppState,
    error::AppError,
    store::{Db, Store},
};

/// A letter to send, and how long that takes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Letter {
    pub to: String,
    pub milliseconds: u64,
}

/// The queue of letters.
pub static LETTERS: LazyLock<TaskQueue<Letter>> = LazyLock::new(|| {
    let queue = Queue::declare("letters").system("apalis");
    TaskQueue::new("send", queue.latency_budget(Duration::from_secs(60)))
});

/// Waits, and records that the letter is sent.
pub async fn send(letter: Letter, app: AppState) -> Result<(), BoxDynError> {
    sleep(Duration::from_millis(letter.milliseconds)).await;
    let sent = sqlx::query("INSERT INTO letters (recipient) VALUES ($1)").bind(letter.to);
    sent.execute(&app.store).instrumented().await?;
    Ok(())
}

/// Lets handlers extract the store alone.
impl FromRef<AppState> for Store {
    fn from_ref(app: &AppState) -> Self {
        app.store.clone()
    }
}

/// The routes of the test.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/letters/{to}/{milliseconds}", post(request_letter))
        .route("/rows/{queue}/{id}", post(insert_job))
        .route("/rows", get(rows))
        .route("/letters", get(sent))
}

async fn request_letter(
    State(store): State<Store>,
    Path((to, milliseconds)): Path<(String, u64)>,
) -> Result<StatusCode, AppError> {
    let key = to.clone();
    let mut transaction = firstlight::sqlx::begin(&store).await?;
    let letter = Letter { to, milliseconds };
    LETTERS
        .enqueue::<Db>(&mut transaction, &letter, &key)
        .await?;
    transaction.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

async fn insert_job(
    State(store): State<Store>,
    Path((queue, id)): Path<(String, String)>,
    job: Bytes,
) -> Result<(), AppError> {
    let sql = format!(
        "INSERT INTO {} (job, id, job_type, max_attempts) VALUES ($1, $2, $3, 5)",
        jobs()
    );
    let row = sqlx::query(AssertSqlSafe(sql)).bind(job.to_vec());
    row.bind(id).bind(queue).execute(&store).instrumented().await?;
    Ok(())
}

/// Lists queue, status and attempts of each job.
async fn rows(State(store): State<Store>) -> Result<String, AppError> {
    let sql = format!(
        "SELECT job_type || ' ' || status || ' ' || attempts FROM {}",
        jobs()
    );
    let rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql));
    Ok(rows.fetch_all(&store).instrumented().await?.join("\n"))
}

/// Lists the recipient of each sent letter.
async fn sent(State(store): State<Store>) -> Result<String, AppError> {
    let sent = sqlx::query_scalar::<_, String>("SELECT recipient FROM letters ORDER BY recipient");
    Ok(sent.fetch_all(&store).instrumented().await?.join("\n"))
}

fn jobs() -> &'static str {
    match Db::NAME {
        "SQLite" => "Jobs",
        _ => "apalis.jobs",
    }
}

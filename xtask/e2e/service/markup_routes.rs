//! Texts full of markup, which the suite `console` adds to a generated service.
//!
//! They are in every place where a program may write a text of its users: log lines, span attributes, metric labels,
//! routes, errors and SQL. The route `/markup/lines/{count}` writes many log lines.

use std::io;

use axum::{
    Router,
    extract::{Path, State},
    routing::post,
};
use firstlight::sqlx::InstrumentQuery;
use metrics::{counter, describe_counter};
use sqlx::AssertSqlSafe;
use tracing::{Instrument, info, info_span};

use crate::{app::AppState, error::AppError, store::Store};

/// The name of a parameter is part of the route in all signals.
const ROUTE: &str = "/markup/route/{<img src=x onerror=alert(5)>}";

/// The routes that write markup and many lines.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/markup/all", post(all))
        .route("/markup/fail", post(fail))
        .route("/markup/statement", post(statement))
        .route("/markup/lines/{count}", post(lines))
        .route(ROUTE, post(route))
}

/// Writes the text as log message, field, span attribute and metric label.
async fn all(text: String) {
    describe_counter!("markup_total", "Texts such as <script>alert(6)</script>.");
    counter!("markup_total", "text" => text.clone()).increment(1);
    let span = info_span!("say", said.text = text);
    async { info!(said.again = text, "said {text}") }
        .instrument(span)
        .await;
}

/// Fails with the text as error.
async fn fail(text: String) -> Result<(), AppError> {
    let cause = anyhow::Error::from(io::Error::other(text.clone()));
    Err(AppError::internal(cause.context(text)))
}

/// Runs a statement with the text as name of a column, and one that fails.
///
/// The second one has no such column.
async fn statement(State(store): State<Store>, text: String) -> Result<(), AppError> {
    let name = format!("\"{}\"", text.replace('"', "\"\""));
    for sql in [
        format!("SELECT 1 AS {name} FROM accounts"),
        format!("SELECT {name} FROM accounts"),
    ] {
        let rows = sqlx::query(AssertSqlSafe(sql));
        rows.fetch_all(&store).instrumented().await?;
    }
    Ok(())
}

/// Fails in a route with markup.
async fn route() -> Result<(), AppError> {
    Err(AppError::internal(io::Error::other("a route with markup")))
}

/// Writes numbered log lines.
async fn lines(Path(count): Path<u32>) {
    for number in 1..=count {
        info!(number, "numbered line {number}");
    }
}

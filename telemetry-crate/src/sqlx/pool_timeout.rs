//! Diagnosis of a pool's timeout: whether the server refuses connections.
//!
//! If a server is full, starts up or does not listen, a pool retries until its timeout and does not
//! report the reason. So one connection is opened outside the pool, and its error is logged.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::Error;
use tokio::{runtime::Handle, time::timeout};

use crate::db::{ExtraConnection, Failure, extra_connections};

/// Shortest interval between two diagnoses.
///
/// A service whose calls time out is already overloaded, and more diagnoses would add to its load.
const DIAGNOSIS_INTERVAL: Duration = Duration::from_secs(60);

/// Longest wait for the connection of a diagnosis.
const DIAGNOSIS_TIMEOUT: Duration = Duration::from_secs(5);

static LAST_DIAGNOSIS: Mutex<Option<Instant>> = Mutex::new(None);

/// Diagnoses an error of a call, if it is a pool's timeout.
pub(super) fn diagnose(error: &Error) {
    if !matches!(error, Error::PoolTimedOut) {
        return;
    }
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    if !is_due() {
        return;
    }
    for ExtraConnection { pool, opened } in extra_connections() {
        runtime.spawn(async move {
            match timeout(DIAGNOSIS_TIMEOUT, opened).await {
                // The pool is exhausted, which its gauges show.
                Ok(None) => {}
                Ok(Some(failure)) => warn(&pool, &failure),
                // A missing answer is logged like the pool's own timeout.
                Err(_) => warn(&pool, &Failure::pool_timeout()),
            }
        });
    }
}

fn is_due() -> bool {
    let mut last_diagnosis = LAST_DIAGNOSIS
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let is_due = last_diagnosis.is_none_or(|at| at.elapsed() >= DIAGNOSIS_INTERVAL);
    if is_due {
        *last_diagnosis = Some(Instant::now());
    }
    is_due
}

/// Logs the reason without the server's message, which may quote values.
fn warn(pool: &str, failure: &Failure) {
    let why = match &*failure.error_type {
        "53300" => {
            "too many clients: the server, the database or the role has no connections left; run fewer processes, give \
             their pools fewer connections, or let the server admit more"
        }
        "57P03" => "the server is starting up, shutting down, or recovering",
        "io" => "the server cannot be reached",
        "pool_timed_out" => "the server does not answer",
        _ => "the server refuses it",
    };
    tracing::warn!(
        target: "firstlight",
        { db.client.connection.pool.name = pool, error.r#type = &*failure.error_type },
        "calls time out because the pool cannot open a connection: {why}"
    );
}

//! Why a pool has timed out, if it is not its own use: the server gives it no further connection.
//!
//! A pool tries again until its time-out where a server is full, starts, or does not listen, and does not say so. So the
//! server is asked, beside the pool, by opening one connection.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::Error;
use tokio::{runtime::Handle, time::timeout};

use super::{failure::Failure, pools};

/// A service whose calls time out has better things to do.
const ASK_EVERY: Duration = Duration::from_secs(60);

const ASK_TIMEOUT: Duration = Duration::from_secs(5);

static ASKED: Mutex<Option<Instant>> = Mutex::new(None);

/// Takes note of what a call of the service has found.
pub(super) fn note(error: &Error) {
    if !matches!(error, Error::PoolTimedOut) {
        return;
    }
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    if !is_due() {
        return;
    }
    for pools::Opening { pool, opened } in pools::openings() {
        runtime.spawn(async move {
            match timeout(ASK_TIMEOUT, opened).await {
                // The pool is used up, which its gauges show.
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn(&pool, &error),
                // Its connection time-out, as if nothing answered.
                Err(_) => warn(&pool, &Error::PoolTimedOut),
            }
        });
    }
}

fn is_due() -> bool {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_due = asked.is_none_or(|at| at.elapsed() >= ASK_EVERY);
    if is_due {
        *asked = Some(Instant::now());
    }
    is_due
}

/// Without the server's message, as everywhere.
fn warn(pool: &str, error: &Error) {
    let Some(failure) = Failure::of(error) else {
        return;
    };
    let why = match &*failure.error_type {
        "53300" => {
            "too many clients: the server, the database or the role has no connections left; run fewer processes, give \
             their pools fewer connections, or let the server admit more"
        }
        "57P03" => "the server is starting up, shutting down, or recovering",
        "io" => "the server is not reached",
        "pool_timed_out" => "the server does not answer",
        _ => "the server refuses it",
    };
    tracing::warn!(
        target: "firstlight",
        { db.client.connection.pool.name = pool, error.r#type = &*failure.error_type },
        "calls time out because the pool cannot open a connection: {why}"
    );
}

//! Panics of jobs as values.
//!
//! A worker runs many jobs in one task, and a panic of one job would end them all. The panic hook
//! has already logged the panic, inside the job's span.

use std::{any::Any, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;

/// A future whose panic is an error with the panic's payload.
///
/// It must not be polled again after its end or a panic.
pub(super) type CatchUnwind<F> = futures_util::future::CatchUnwind<AssertUnwindSafe<F>>;

/// Catches panics of a future.
pub(super) fn catch_unwind<F: Future>(future: F) -> CatchUnwind<F> {
    // Inconsistent state after a panic belongs to the job, and is dropped with it.
    AssertUnwindSafe(future).catch_unwind()
}

/// Returns the message of a panic.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned())
}

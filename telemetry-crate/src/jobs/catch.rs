//! Futures whose panic is an error.
//!
//! A worker runs many jobs in one task, and a panic of one job would end them all. The panic hook
//! has already logged the panic, inside the job's span.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt, future};

/// A future from [`catch_panic`].
pub(super) type CatchUnwind<F> = future::CatchUnwind<AssertUnwindSafe<F>>;

/// Catches a panic of `work`, whose payload is then the error.
pub(super) fn catch_panic<F: Future>(work: F) -> CatchUnwind<F> {
    // Inconsistent state after a panic belongs to the job, and is dropped with it.
    AssertUnwindSafe(work).catch_unwind()
}

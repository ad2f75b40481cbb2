//! Tasks and threads that continue the span in which they are started.

use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

/// Spawns a task like `tokio::spawn`, in the current span.
///
/// The task's log lines have the trace id, and its spans are children of the current span. A
/// request's span ends with the response, even if a task that it started goes on. Such a task
/// should have its own span, which shows its duration:
/// `spawn(work().instrument(tracing::info_span!("send receipt")))`.
///
/// # Panics
///
/// Panics if called outside a tokio runtime, like `tokio::spawn`.
///
/// ```
/// # async fn handler() {
/// firstlight::context::spawn(async {
///     tracing::info!("has the request's trace id");
/// });
/// # }
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future.in_current_span())
}

/// Runs blocking work like `tokio::task::spawn_blocking`, in the current span.
///
/// # Panics
///
/// Panics if called outside a tokio runtime, like tokio's function.
///
/// ```
/// # async fn handler() -> Result<(), Box<dyn std::error::Error>> {
/// let digest = firstlight::context::spawn_blocking(|| {
///     tracing::info!("has the request's trace id");
///     42
/// });
/// assert_eq!(digest.await?, 42);
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn spawn_blocking<F, T>(work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
}

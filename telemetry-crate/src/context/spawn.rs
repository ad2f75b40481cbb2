//! Tasks and threads that go on in the span in which they were started.

use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

/// Like `tokio::spawn`, in the current span: the task's log lines have its trace id, and spans in it are its children.
///
/// A request's span ends with its response, whatever it has started. A task that goes on after that is best a span of its
/// own, which shows how long it took: `spawn(work().instrument(tracing::info_span!("send receipt")))`.
///
/// # Panics
///
/// Outside of a tokio runtime, like `tokio::spawn`.
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

/// Like `tokio::task::spawn_blocking`, in the current span.
///
/// # Panics
///
/// Outside of a tokio runtime, like tokio's.
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

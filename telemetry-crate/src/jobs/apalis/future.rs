//! The future of one attempt at a task.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use apalis_core::{
    error::{AbortError, BoxDynError, DeferredError, RetryAfterError},
    task::status::{AtomicStatus, Status},
};
use pin_project_lite::pin_project;
use tracing::Instrument;

use super::{
    postpone::{Postpone, PostponeFuture, Retry},
    undecodable::is_undecodable,
};
use crate::{
    error_type::error_type,
    jobs::{
        catch::{CatchUnwind, catch_panic},
        outcome::AttemptOutcome,
        running::{AttemptEnd, Running, UNDECODABLE, reason_of},
    },
    panic::message_of,
    values::counted,
};

pin_project! {
    /// Future of [`TaskService`](super::TaskService).
    ///
    /// It resolves to the task's result. An error is only the text of the task's error with its
    /// causes, without apalis' wrappers, because apalis stores no more than the first message. A
    /// panic becomes an error. If the future is dropped before its end, a canceled attempt is
    /// recorded.
    #[derive(Debug)]
    pub struct TaskFuture<F, T> {
        #[pin]
        inner: Option<CatchUnwind<F>>,
        // The reason why there is no future to poll.
        failed: Option<ClassifiedError>,
        end: Option<PendingEnd>,
        waiting: Option<Postponed<T>>,
    }
}

/// The state that is needed to record the end of an attempt.
#[derive(Debug)]
pub(super) struct PendingEnd {
    pub(super) running: Running,
    pub(super) status: AtomicStatus,
    pub(super) retry: Option<(Postpone, Retry)>,
}

/// State while the time of the next attempt is being stored.
///
/// apalis gets the result of the ended attempt afterward.
struct Postponed<T> {
    postponing: CatchUnwind<PostponeFuture>,
    result: Option<Result<T, BoxDynError>>,
}

impl<T> fmt::Debug for Postponed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Postponed")
    }
}

impl<F, T> TaskFuture<F, T> {
    pub(super) fn new(inner: F, end: PendingEnd) -> Self
    where
        F: Future,
    {
        Self {
            inner: Some(catch_panic(inner)),
            failed: None,
            end: Some(end),
            waiting: None,
        }
    }

    /// Creates a future for a function that panicked before it returned one.
    pub(super) fn panicked(message: &str, end: PendingEnd) -> Self {
        Self::failed(panicked(message), end)
    }

    /// Creates a future for a task whose process died in its last attempt.
    ///
    /// The function is not called.
    pub(super) fn orphaned(attempts: u32, end: PendingEnd) -> Self {
        let error = AbortError::new(format!(
            "its process died in the last attempt, and it has been tried {}",
            counted(u64::from(attempts), "time", "times")
        ));
        Self::failed(("orphaned", error.into()), end)
    }

    fn failed(why: ClassifiedError, end: PendingEnd) -> Self {
        Self {
            inner: None,
            failed: Some(why),
            end: Some(end),
            waiting: None,
        }
    }
}

impl<F, T, E> Future for TaskFuture<F, T>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxDynError>,
{
    type Output = Result<T, BoxDynError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(end) = this.end.as_ref() {
            let ended = match this.inner.as_mut().as_pin_mut() {
                Some(inner) => {
                    let _entered = end.running.span().enter();
                    match ready!(inner.poll(context)) {
                        Ok(result) => result.map_err(|error| classify(error.into())),
                        Err(payload) => Err(panicked(message_of(&*payload))),
                    }
                }
                None => Err(this.failed.take().unwrap_or_else(|| panicked(""))),
            };
            // Values that the task still holds are dropped now, within the attempt, and not when
            // the worker drops this future.
            this.inner.set(None);
            let result = ended.map_err(Failed::new);
            let postponing = (this.end.take()).and_then(|end| finish(end, result.as_ref().err()));
            let result = result.map_err(|failed| failed.reason.into());
            match postponing {
                Some(postponing) => {
                    *this.waiting = Some(Postponed {
                        postponing: catch_panic(postponing),
                        result: Some(result),
                    });
                }
                None => return Poll::Ready(result),
            }
        }
        let Some(waiting) = this.waiting.as_mut() else {
            return Poll::Pending;
        };
        // A panic is already logged, and changes nothing.
        let _ = ready!(Pin::new(&mut waiting.postponing).poll(context));
        waiting.result.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Error type of a task that the program aborts, if the cause has no class.
const ABORTED: &str = "aborted";

/// The largest number of apalis' wrappers around an error.
const MAX_WRAPPERS: usize = 8;

/// An error with its class for the label.
type ClassifiedError = (&'static str, BoxDynError);

fn classify(error: BoxDynError) -> ClassifiedError {
    if is_timeout(&error) {
        ("timeout", error)
    } else if is_undecodable(&error) {
        (UNDECODABLE, error)
    } else {
        match error_type(&error) {
            // A decision of the program: its text says why, and no class of its own is known.
            "_OTHER" if error.is::<AbortError>() => (ABORTED, error),
            class => (class, error),
        }
    }
}

/// Returns the error that the program gave to apalis, without apalis' wrappers.
///
/// The text of a wrapper begins with its name, such as `AbortError: `.
fn unwrapped<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut error = error;
    for _ in 0..MAX_WRAPPERS {
        let is_wrapper = error.is::<AbortError>()
            || error.is::<RetryAfterError>()
            || error.is::<DeferredError>();
        match error.source().filter(|_| is_wrapper) {
            Some(source) => error = source,
            None => break,
        }
    }
    error
}

/// The end of a failed attempt.
struct Failed {
    error_type: &'static str,
    /// The text of the error with its causes, which apalis stores.
    ///
    /// It has no NUL character. An error may quote a client's text, and PostgreSQL cannot store
    /// NUL, so apalis could not store the result and would run the task again and again.
    reason: String,
    is_abort: bool,
}

impl Failed {
    fn new((error_type, error): ClassifiedError) -> Self {
        Self {
            error_type,
            reason: reason_of(unwrapped(error.as_ref())).replace('\0', "\u{fffd}"),
            is_abort: error.is::<AbortError>(),
        }
    }
}

fn is_timeout(error: &BoxDynError) -> bool {
    #[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
    if error.is::<super::worker::AttemptTimedOut>() {
        return true;
    }
    error.is::<tower::timeout::error::Elapsed>()
}

fn panicked(message: &str) -> ClassifiedError {
    ("panic", format!("panicked: {message}").into())
}

/// Ends the attempt; returns a future that stores the time of the next, if any.
fn finish(end: PendingEnd, failed: Option<&Failed>) -> Option<PostponeFuture> {
    let PendingEnd {
        running,
        status,
        retry,
    } = end;
    let Some(failed) = failed else {
        running.finish(&AttemptEnd {
            outcome: AttemptOutcome::Ok,
            error_type: None,
            message: None,
            next_attempt: None,
        });
        return None;
    };
    let is_permanent = failed.is_abort || status.load() == Status::Killed;
    // See `TaskLayer`: with any other status the task could not be claimed again.
    status.store(if is_permanent {
        Status::Killed
    } else {
        Status::Failed
    });
    let outcome = running.failure_outcome(is_permanent);
    let retry = retry.filter(|_| outcome == AttemptOutcome::Retry);
    let span = running.span().clone();
    running.finish(&AttemptEnd {
        outcome,
        error_type: Some(failed.error_type),
        message: Some(failed.reason.clone()),
        next_attempt: retry.as_ref().map(|(_, retry)| retry.pause_seconds()),
    });
    let (postpone, retry) = retry?;
    // Within the attempt's trace, although the attempt is over.
    Some(Box::pin(postpone.call(retry).instrument(span)))
}

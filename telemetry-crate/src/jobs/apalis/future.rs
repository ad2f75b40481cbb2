//! The future of one attempt at a task.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use apalis_core::{
    error::{AbortError, BoxDynError},
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
        catch::CatchUnwind,
        outcome::AttemptOutcome,
        running::{AttemptEnd, Running, UNDECODABLE},
    },
    values::counted,
    values::printed,
};

pin_project! {
    /// Future of [`TaskService`](super::TaskService).
    ///
    /// It resolves to the task's result. A panic becomes an error. If the future is dropped before
    /// its end, a canceled attempt is recorded.
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
/// apalis gets the result of the ended attempt afterwards.
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
    pub(super) fn new(inner: F, end: PendingEnd) -> Self {
        Self {
            inner: Some(CatchUnwind::new(inner)),
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
                        Err(message) => Err(panicked(&message)),
                    }
                }
                None => Err(this.failed.take().unwrap_or_else(|| panicked(""))),
            };
            // Values that the task still holds are dropped now, within the attempt, and not when
            // the worker drops this future.
            this.inner.set(None);
            let (error_type, result) = match ended {
                Ok(value) => (None, Ok(value)),
                Err((error_type, error)) => (Some(error_type), Err(without_nul(error))),
            };
            let postponing =
                (this.end.take()).and_then(|end| finish(end, error_type, result.as_ref().err()));
            match postponing {
                Some(postponing) => {
                    *this.waiting = Some(Postponed {
                        postponing: CatchUnwind::new(postponing),
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

/// An error with its class for the label.
type ClassifiedError = (&'static str, BoxDynError);

fn classify(error: BoxDynError) -> ClassifiedError {
    if is_timeout(&error) {
        ("timeout", error)
    } else if is_undecodable(&error) {
        (UNDECODABLE, error)
    } else {
        (error_type(&error), error)
    }
}

fn is_timeout(error: &BoxDynError) -> bool {
    #[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
    if error.is::<super::worker::AttemptTimedOut>() {
        return true;
    }
    error.is::<tower::timeout::error::Elapsed>()
}

/// Replaces NUL characters in the text of an error.
///
/// An error may quote a client's text. PostgreSQL cannot store NUL, so apalis could not store the
/// result and would run the task again and again.
fn without_nul(error: BoxDynError) -> BoxDynError {
    let message = printed(format_args!("{error}"));
    if !message.contains('\0') {
        return error;
    }
    let message = message.replace('\0', "\u{fffd}");
    if error.is::<AbortError>() {
        // The text of an `AbortError` begins with its name, which would be repeated.
        let message = message.strip_prefix("AbortError: ").unwrap_or(&message);
        return AbortError::new(message).into();
    }
    message.into()
}

fn panicked(message: &str) -> ClassifiedError {
    ("panic", format!("panicked: {message}").into())
}

/// Ends the attempt; returns a future that stores the time of the next, if any.
fn finish(
    end: PendingEnd,
    error_type: Option<&str>,
    error: Option<&BoxDynError>,
) -> Option<PostponeFuture> {
    let PendingEnd {
        running,
        status,
        retry,
    } = end;
    let Some(error) = error else {
        running.finish(&AttemptEnd {
            outcome: AttemptOutcome::Ok,
            error_type: None,
            message: None,
            next_attempt: None,
        });
        return None;
    };
    let is_permanent = error.is::<AbortError>() || status.load() == Status::Killed;
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
        error_type,
        message: Some(printed(format_args!("{error}"))),
        next_attempt: retry.as_ref().map(|(_, retry)| retry.pause_seconds()),
    });
    let (postpone, retry) = retry?;
    // Within the attempt's trace, although the attempt is over.
    Some(Box::pin(postpone.call(retry).instrument(span)))
}

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
    postpone::{Postpone, Postponing, Retry},
    undecodable::is_undecodable,
};
use crate::{
    error_type::error_type,
    jobs::{
        catch::Caught,
        outcome::Outcome,
        running::{End, Running},
    },
    values::counted,
    values::printed,
};

pin_project! {
    /// Resolves to what the task returns; made by [`TaskService`](super::TaskService).
    ///
    /// A panic is an error. Dropped before its end, the attempt was cancelled, and says so.
    #[derive(Debug)]
    pub struct TaskFuture<F, T> {
        #[pin]
        inner: Option<Caught<F>>,
        // Why there is no future to poll.
        failed: Option<Named>,
        end: Option<Ending>,
        waiting: Option<Waiting<T>>,
    }
}

/// What there is to do at the end.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) running: Running,
    pub(super) status: AtomicStatus,
    pub(super) retry: Option<(Postpone, Retry)>,
}

/// The attempt is over; apalis is told when the next one has its time.
struct Waiting<T> {
    postponing: Caught<Postponing>,
    result: Option<Result<T, BoxDynError>>,
}

impl<T> fmt::Debug for Waiting<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Waiting")
    }
}

impl<F, T> TaskFuture<F, T> {
    pub(super) fn new(inner: F, end: Ending) -> Self {
        Self {
            inner: Some(Caught::new(inner)),
            failed: None,
            end: Some(end),
            waiting: None,
        }
    }

    /// The function panicked before it returned a future.
    pub(super) fn panicked(message: &str, end: Ending) -> Self {
        Self::failed(panicked(message), end)
    }

    /// The function is not called: the task has used up its attempts, and its process never lived to say so.
    pub(super) fn orphaned(attempts: u32, end: Ending) -> Self {
        let error = AbortError::new(format!(
            "its process died with it, and it has been tried {}",
            counted(u64::from(attempts), "time", "times")
        ));
        Self::failed(("orphaned", error.into()), end)
    }

    fn failed(why: Named, end: Ending) -> Self {
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
                        Ok(result) => result.map_err(|error| named(error.into())),
                        Err(message) => Err(panicked(&message)),
                    }
                }
                None => Err(this.failed.take().unwrap_or_else(|| panicked(""))),
            };
            // What the task still holds is dropped now, inside of its attempt and not whenever the worker forgets the future.
            this.inner.set(None);
            let (error_type, result) = match ended {
                Ok(value) => (None, Ok(value)),
                Err((error_type, error)) => (Some(error_type), Err(storable(error))),
            };
            let postponing =
                (this.end.take()).and_then(|end| finish(end, error_type, result.as_ref().err()));
            match postponing {
                Some(postponing) => {
                    *this.waiting = Some(Waiting {
                        postponing: Caught::new(postponing),
                        result: Some(result),
                    });
                }
                None => return Poll::Ready(result),
            }
        }
        let Some(waiting) = this.waiting.as_mut() else {
            return Poll::Pending;
        };
        // Its panic is in the log by then, and changes nothing.
        let _ = ready!(Pin::new(&mut waiting.postponing).poll(context));
        waiting.result.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// An error with its word for the label.
type Named = (&'static str, BoxDynError);

fn named(error: BoxDynError) -> Named {
    if error.is::<tower::timeout::error::Elapsed>() {
        ("timeout", error)
    } else if is_undecodable(&error) {
        ("undecodable", error)
    } else {
        (error_type(&error), error)
    }
}

/// PostgreSQL stores no NUL, as it comes from a client whose text an error quotes. apalis could not store the result then, and
/// would run the task again and again.
fn storable(error: BoxDynError) -> BoxDynError {
    let message = printed(format_args!("{error}"));
    if !message.contains('\0') {
        return error;
    }
    let message = message.replace('\0', "\u{fffd}");
    if error.is::<AbortError>() {
        // Its text begins with its name, and would twice.
        let message = message.strip_prefix("AbortError: ").unwrap_or(&message);
        return AbortError::new(message).into();
    }
    message.into()
}

fn panicked(message: &str) -> Named {
    ("panic", format!("panicked: {message}").into())
}

/// Ends the attempt, and begins to postpone the next if there is one.
fn finish(
    end: Ending,
    error_type: Option<&str>,
    error: Option<&BoxDynError>,
) -> Option<Postponing> {
    let Ending {
        running,
        status,
        retry,
    } = end;
    let Some(error) = error else {
        running.finish(&End {
            outcome: Outcome::Ok,
            error_type: None,
            message: None,
        });
        return None;
    };
    let is_permanent = error.is::<AbortError>() || status.load() == Status::Killed;
    // See `TaskLayer`: any other status would keep the task from being claimed again.
    status.store(if is_permanent {
        Status::Killed
    } else {
        Status::Failed
    });
    let outcome = running.judge(is_permanent);
    let span = running.span().clone();
    running.finish(&End {
        outcome,
        error_type,
        message: Some(printed(format_args!("{error}"))),
    });
    let (postpone, retry) = retry.filter(|_| outcome == Outcome::Retry)?;
    // In the trace, though the attempt is over.
    Some(Box::pin(postpone.call(retry).instrument(span)))
}

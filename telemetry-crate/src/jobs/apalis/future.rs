//! The future of one attempt at a task.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use apalis_core::{
    error::{AbortError, BoxDynError},
    task::status::{AtomicStatus, Status},
};
use pin_project_lite::pin_project;

use crate::{
    http::error_type,
    jobs::{
        catch::Caught,
        outcome::Outcome,
        running::{End, Running},
    },
};

pin_project! {
    /// Resolves to what the task returns; made by [`TaskService`](super::TaskService).
    ///
    /// A panic is an error. Dropped before its end, the attempt was cancelled, and says so.
    #[derive(Debug)]
    pub struct TaskFuture<F> {
        #[pin]
        inner: Option<Caught<F>>,
        panic: Option<String>,
        running: Option<Running>,
        status: AtomicStatus,
    }
}

impl<F> TaskFuture<F> {
    pub(super) fn new(inner: F, running: Running, status: AtomicStatus) -> Self {
        Self {
            inner: Some(Caught::new(inner)),
            panic: None,
            running: Some(running),
            status,
        }
    }

    /// There is no future to poll.
    pub(super) fn panicked(message: String, running: Running, status: AtomicStatus) -> Self {
        Self {
            inner: None,
            panic: Some(message),
            running: Some(running),
            status,
        }
    }
}

impl<F, T, E> Future for TaskFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxDynError>,
{
    type Output = Result<T, BoxDynError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let caught = match this.inner.as_mut().as_pin_mut() {
            Some(inner) => {
                let _entered = this.running.as_ref().map(|running| running.span().enter());
                ready!(inner.poll(context))
            }
            None => Err(this.panic.take().unwrap_or_default()),
        };
        // What the task still holds is dropped now, inside of its attempt and not whenever the worker forgets the future.
        this.inner.set(None);
        let (error_type, result) = match caught {
            Ok(Ok(value)) => (None, Ok(value)),
            Ok(Err(error)) => {
                let error = error.into();
                (Some(word(&error)), Err(error))
            }
            Err(message) => (Some("panic"), Err(format!("panicked: {message}").into())),
        };
        if let Some(running) = this.running.take() {
            end(running, this.status, error_type, result.as_ref().err());
        }
        Poll::Ready(result)
    }
}

/// For the label.
fn word(error: &BoxDynError) -> &'static str {
    if error.is::<tower::timeout::error::Elapsed>() {
        "timeout"
    } else {
        error_type(error)
    }
}

fn end(
    running: Running,
    status: &AtomicStatus,
    error_type: Option<&str>,
    error: Option<&BoxDynError>,
) {
    let Some(error) = error else {
        return running.finish(&End {
            outcome: Outcome::Ok,
            error_type: None,
            message: None,
        });
    };
    let is_permanent = error.is::<AbortError>() || status.load() == Status::Killed;
    // See `TaskLayer`: any other status would keep the task from being claimed again.
    status.store(if is_permanent {
        Status::Killed
    } else {
        Status::Failed
    });
    let outcome = running.judge(is_permanent);
    running.finish(&End {
        outcome,
        error_type,
        message: Some(error.to_string()),
    });
}

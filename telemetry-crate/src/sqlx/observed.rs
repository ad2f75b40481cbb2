//! `.observed()`: a call of sqlx with its error and its caller.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use sqlx::Error;
use tracing::Span;

use super::{
    call::Call,
    statement::{Statement, statement},
};

/// Adds [`observed()`](Self::observed) to the calls of sqlx, and to whatever else ends with an error of sqlx's.
pub trait Observe<T>: Future<Output = Result<T, Error>> + Sized {
    /// Observes the call from its start to its end: its span includes the wait for a connection, and has the SQLSTATE as
    /// `db.response.status_code` and `error.type` if it fails, as has the metric; an N+1 names the line of code that this
    /// is called in. A time-out of the pool is counted in `db_client_connection_timeouts_total`; if a server gives the pools
    /// that are [observed](super::observe) no further connection, a warning says why, once a minute at most.
    ///
    /// It is for one statement; if the call runs several, the first is the call, and the others are spans below it.
    /// [`Error::RowNotFound`] is an answer and no failure.
    #[track_caller]
    fn observed(self) -> Observed<Self> {
        Observed::new(self, Location::caller(), None)
    }
}

impl<F, T> Observe<T> for F where F: Future<Output = Result<T, Error>> {}

pin_project! {
    /// The future of [`Observe::observed`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Observed<F> {
        #[pin]
        call: F,
        site: &'static Location<'static>,
        statement: Option<Arc<Statement>>,
        open: Option<Open>,
    }
}

/// The call between its first poll and its end.
#[derive(Debug)]
struct Open {
    call: Arc<Call>,
    span: Span,
}

impl<F> Observed<F> {
    /// With a statement that sqlx has no event for.
    pub(super) fn new(
        call: F,
        site: &'static Location<'static>,
        sql: Option<&'static str>,
    ) -> Self {
        Self {
            call,
            site,
            statement: sql.map(statement),
            open: None,
        }
    }
}

impl<F, T> Future for Observed<F>
where
    F: Future<Output = Result<T, Error>>,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let open = this.open.get_or_insert_with(|| {
            let (call, span) = Call::start(this.site, this.statement.take());
            Open { call, span }
        });
        let result = ready!(open.span.in_scope(|| this.call.poll(context)));
        open.call.ended(result.as_ref().err());
        *this.open = None;
        Poll::Ready(result)
    }
}

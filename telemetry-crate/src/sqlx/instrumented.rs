//! `.instrumented()`: a call's span and metrics, with its error and call site.

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

/// Adds [`instrumented()`](Self::instrumented) to the calls of sqlx.
///
/// Implemented for every future whose error is [`sqlx::Error`](Error).
pub trait InstrumentQuery<T>: Future<Output = Result<T, Error>> + Sized {
    /// Instruments the call from its start to its end.
    ///
    /// The call's span includes the wait for a connection. If the call fails, span and metric have the SQLSTATE as
    /// `db.response.status_code` and `error.type`. A warning about an N+1 names the file and line of this call. A timeout
    /// of the pool is counted in `db_client_connection_timeouts_total`. If the server refuses further connections to an
    /// [instrumented pool](super::instrument_pool), a warning gives the reason, at most once a minute.
    ///
    /// The call should run a single statement. If it runs several, the call's span describes the first, and the others
    /// have spans below it.
    /// [`Error::RowNotFound`] is not a failure.
    #[track_caller]
    fn instrumented(self) -> InstrumentedQuery<Self> {
        InstrumentedQuery::new(self, Location::caller(), None)
    }
}

impl<F, T> InstrumentQuery<T> for F where F: Future<Output = Result<T, Error>> {}

pin_project! {
    /// The future of [`InstrumentQuery::instrumented`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InstrumentedQuery<F> {
        // `None` once it is dropped.
        #[pin]
        call: Option<F>,
        site: &'static Location<'static>,
        statement: Option<Arc<Statement>>,
        open: Option<Open>,
    }

    impl<F> PinnedDrop for InstrumentedQuery<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // A canceled call is dropped inside its span, so that the span ends now, and not at its last poll, and has
            // the event of sqlx that this causes.
            if let Some(open) = this.open.as_ref() {
                open.call.dropped();
                open.span.in_scope(|| this.call.set(None));
            }
        }
    }
}

/// The call between its first poll and its end.
#[derive(Debug)]
struct Open {
    call: Arc<Call>,
    span: Span,
}

impl<F> InstrumentedQuery<F> {
    /// Instruments a call; `sql` is its statement if sqlx has no event for it.
    pub(super) fn new(
        call: F,
        site: &'static Location<'static>,
        sql: Option<&'static str>,
    ) -> Self {
        Self {
            call: Some(call),
            site,
            statement: sql.map(statement),
            open: None,
        }
    }
}

impl<F, T> Future for InstrumentedQuery<F>
where
    F: Future<Output = Result<T, Error>>,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(future) = this.call.as_pin_mut() else {
            return Poll::Pending;
        };
        let open = this.open.get_or_insert_with(|| {
            let (call, span) = Call::start(this.site, this.statement.take());
            Open { call, span }
        });
        let result = ready!(open.span.in_scope(|| future.poll(context)));
        open.call.end(result.as_ref().err());
        *this.open = None;
        Poll::Ready(result)
    }
}

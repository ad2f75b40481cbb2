//! `.instrumented()`: a call's span and metrics, with its error and call site.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use sqlx::Error;

use super::{failure::failure, health, pool_timeout};
use crate::db::{Call, CallFuture, Statement, statement};

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
        #[pin]
        future: CallFuture<F>,
        site: &'static Location<'static>,
        statement: Option<Arc<Statement>>,
    }
}

impl<F> InstrumentedQuery<F> {
    /// Instruments a call; `sql` is its statement if sqlx has no event for it.
    pub(super) fn new(
        call: F,
        site: &'static Location<'static>,
        sql: Option<&'static str>,
    ) -> Self {
        Self {
            future: CallFuture::new(call),
            site,
            statement: sql.map(statement),
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
        let start = || Call::start(this.site, this.statement.take());
        this.future.poll_call(context, start, |error| {
            health::record_storage_failure(error);
            pool_timeout::diagnose(error);
            failure(error)
        })
    }
}

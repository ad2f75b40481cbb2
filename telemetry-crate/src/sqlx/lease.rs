//! The wait of a transaction for its connection, and then its hold.

use std::{
    panic::Location,
    sync::{Arc, OnceLock},
    time::Instant,
};

use opentelemetry::trace::TraceContextExt;

use crate::{
    db::{ConnectionUse, PoolKey, UseState, UsesConnection, list_use},
    evidence,
    span_ids::SpanIds,
    thread,
};

/// The wait of a transaction for its connection, and then its hold.
#[derive(Debug)]
pub(super) struct Lease {
    /// The span in which the connection was asked for.
    asked_in: Option<SpanIds>,
    /// The span of the transaction.
    span: OnceLock<SpanIds>,
    site: &'static Location<'static>,
    pool: PoolKey,
    asked: Instant,
    acquired: OnceLock<Instant>,
}

impl Lease {
    /// Lists the lease of the current span; `None` without a flight recorder.
    pub(super) fn ask(
        site: &'static Location<'static>,
        pool: impl FnOnce() -> PoolKey,
    ) -> Option<Arc<Self>> {
        if !evidence::is_on() {
            return None;
        }
        let context = thread::current_context();
        let lease = Arc::new(Self {
            asked_in: SpanIds::from_context(context.span().span_context()),
            span: OnceLock::new(),
            site,
            pool: pool(),
            asked: Instant::now(),
            acquired: OnceLock::new(),
        });
        list_use(&lease);
        Some(lease)
    }

    /// Sets the span that is open until the connection is returned.
    pub(super) fn lasts_as_long_as(&self, span: Option<SpanIds>) {
        if let Some(span) = span {
            let _ = self.span.set(span);
        }
    }

    /// Records that the connection was acquired.
    pub(super) fn acquired(&self) {
        let _ = self.acquired.set(Instant::now());
    }
}

impl UsesConnection for Lease {
    fn current_use(&self) -> Option<ConnectionUse> {
        let (state, since) = match self.acquired.get() {
            Some(acquired) => (UseState::Holds, *acquired),
            None => (UseState::Waits, self.asked),
        };
        Some(ConnectionUse {
            ids: self.span.get().copied().or(self.asked_in),
            state,
            lasts: since.elapsed(),
            what: "transaction",
            site: self.site,
            summary: None,
            pool: Some(self.pool),
        })
    }
}

//! A wrapper of apalis' backend that completes its current work during the drain.
//!
//! Between the order to stop and the end of the last job, apalis 1.0 does not poll its backend. The
//! backend may be inside a transaction at that point, and keep its locks. With SQLite, which
//! has a single writer, no job can then store anything before the job times out. So the worker is
//! told to stop only when no job runs, and until then its backend takes no new task. The book's
//! decision 25 repeats this.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use apalis_core::{
    backend::{Backend, BackendConfig, WireFormatBackend},
    worker::context::WorkerContext,
};

/// Flag that the drain has begun; clones share it.
#[derive(Debug, Clone, Default)]
#[expect(unnameable_types, reason = "part of a sealed trait")]
pub struct Drain(Arc<AtomicBool>);

impl Drain {
    /// Sets the flag, after which no new task is taken.
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A backend that takes no new task once the drain has begun.
#[derive(Debug)]
pub(super) struct Draining<B> {
    backend: B,
    drain: Drain,
    /// Whether the backend may be fetching a task.
    is_fetching: bool,
    is_closed: bool,
}

impl<B> Draining<B> {
    pub(super) fn new(backend: B, drain: &Drain) -> Self {
        Self {
            backend,
            drain: drain.clone(),
            is_fetching: false,
            is_closed: false,
        }
    }
}

impl<B: Backend> Backend for Draining<B> {
    type Task = B::Task;
    type Error = B::Error;

    fn poll_ready(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), B::Error>> {
        self.backend.poll_ready(context, worker)
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<B::Task, B::Error>>> {
        let is_draining = self.drain.has_begun();
        if is_draining && !self.is_fetching {
            return Poll::Pending;
        }
        let polled = self.backend.poll_next(context, worker);
        self.is_fetching = polled.is_pending();
        match polled {
            // The task's row is locked by this worker, and is released together with the worker's
            // other rows.
            Poll::Ready(Some(Ok(_))) if is_draining => Poll::Pending,
            polled => polled,
        }
    }

    fn poll_close(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), B::Error>> {
        if self.is_closed {
            return Poll::Ready(Ok(()));
        }
        let closed = self.backend.poll_close(context, worker);
        // After an error, apalis would poll the ended future again, which panics.
        self.is_closed = closed.is_ready();
        closed
    }
}

impl<B: BackendConfig> BackendConfig for Draining<B> {
    type Id = B::Id;
    type Args = B::Args;
    type Kind = B::Kind;
    type Config = B::Config;
    type Layer = B::Layer;

    fn config(&self) -> &B::Config {
        self.backend.config()
    }

    fn middleware(&mut self, worker: &mut WorkerContext) -> B::Layer {
        self.backend.middleware(worker)
    }
}

impl<B: WireFormatBackend> WireFormatBackend for Draining<B> {
    type Codec = B::Codec;
    type Compact = B::Compact;

    fn codec(&self) -> &B::Codec {
        self.backend.codec()
    }
}

//! A backend of apalis' that lets what it has begun end while the last jobs run.
//!
//! apalis 1.0 polls its backend no more once a worker is told to stop, until the last job is over. The backend may be in the
//! middle of a transaction by then, and keeps its locks: with SQLite, whose one writer it is, no job can store anything until
//! its time-out. So the worker is not told while jobs run; its backend takes nothing new in the meantime.

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

/// Set once, by the worker. Clones are the same.
#[derive(Debug, Clone, Default)]
#[expect(unnameable_types, reason = "part of a sealed trait")]
pub struct Drain(Arc<AtomicBool>);

impl Drain {
    /// From here on nothing new is taken.
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) struct Draining<B> {
    backend: B,
    drain: Drain,
    /// The backend may be asking for a task.
    is_asking: bool,
    is_closed: bool,
}

impl<B> Draining<B> {
    pub(super) fn new(backend: B, drain: &Drain) -> Self {
        Self {
            backend,
            drain: drain.clone(),
            is_asking: false,
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
        if is_draining && !self.is_asking {
            return Poll::Pending;
        }
        let polled = self.backend.poll_next(context, worker);
        self.is_asking = polled.is_pending();
        match polled {
            // Its row has the worker's name, and is given back with it.
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
        // After an error apalis would go on with a future that has ended, which panics.
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

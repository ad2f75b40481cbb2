//! The threads of a capture.
//!
//! `tracing` and `metrics` both have a default per thread, which takes precedence over the global one. A capture sets
//! these defaults on the threads of its test, so that tests can run in parallel. The `log` crate's logger and the panic
//! hook have no such default.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};

use ::metrics::{
    Counter, Gauge, Histogram, Key, KeyName, LocalRecorderGuard, Metadata, Recorder, SharedString,
    Unit,
};
use pin_project_lite::pin_project;
use tokio::runtime::Runtime;
use tracing::{Dispatch, subscriber::NoSubscriber};

use crate::{metrics::FrontRecorder, thread};

/// The thread defaults of a capture; clones belong to the same capture.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    dispatch: Dispatch,
    recorder: FrontRecorder,
}

/// Restores the thread's previous defaults when it is dropped on that thread.
pub(super) struct Entered {
    _subscriber: tracing::dispatcher::DefaultGuard,
    _recorder: LocalRecorderGuard<'static>,
    _innermost: Innermost,
}

thread_local! {
    /// The recorders of the captures of this thread, the innermost last.
    static RECORDERS: RefCell<Vec<FrontRecorder>> = const { RefCell::new(Vec::new()) };
    /// The scope of a runtime's thread, from its start to its stop.
    static ENTERED: RefCell<Option<Entered>> = const { RefCell::new(None) };
}

/// Removes the innermost recorder of the thread when it is dropped.
struct Innermost;

impl Drop for Innermost {
    fn drop(&mut self) {
        // This fails if the thread's locals are destroyed already.
        let _ = RECORDERS.try_with(|recorders| {
            let mut recorders = recorders.borrow_mut();
            recorders.pop();
            thread::set_captures(recorders.len());
        });
    }
}

impl Scope {
    pub(super) fn new(
        subscriber: impl tracing::Subscriber + Send + Sync + 'static,
        recorder: FrontRecorder,
    ) -> Self {
        // While the process has a single subscriber, `tracing` asks only the current thread's default about a new
        // callsite, and caches the answer for all threads. On a thread without a capture the answer would be that no
        // subscriber is interested. A second subscriber that is never dropped makes `tracing` ask all subscribers.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(NoSubscriber::new()));
        Self {
            dispatch: Dispatch::new(subscriber),
            recorder,
        }
    }

    /// Makes the capture the default of the calling thread.
    pub(super) fn enter(&self) -> Entered {
        RECORDERS.with(|recorders| {
            let mut recorders = recorders.borrow_mut();
            recorders.push(self.recorder.clone());
            thread::set_captures(recorders.len());
        });
        Entered {
            _innermost: Innermost,
            _recorder: ::metrics::set_default_local_recorder(&Router),
            _subscriber: tracing::dispatcher::set_default(&self.dispatch),
        }
    }

    /// Creates a runtime whose threads are in the scope.
    ///
    /// This includes the threads for blocking work.
    pub(super) fn runtime(&self) -> io::Result<Runtime> {
        let scope = self.clone();
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .on_thread_start(move || ENTERED.set(Some(scope.enter())))
            // The scope is left before the thread's locals are destroyed, because leaving it uses them.
            .on_thread_stop(|| drop(ENTERED.take()))
            .build()
    }
}

/// A recorder that forwards to the innermost capture of the thread.
///
/// The thread's default recorder needs a static lifetime, which a capture's own recorder does not have.
#[derive(Debug)]
struct Router;

impl Router {
    fn innermost() -> Option<FrontRecorder> {
        let innermost =
            |recorders: &RefCell<Vec<FrontRecorder>>| recorders.borrow().last().cloned();
        RECORDERS.try_with(innermost).ok().flatten()
    }
}

impl Recorder for Router {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        if let Some(recorder) = Self::innermost() {
            recorder.describe_counter(key, unit, description);
        }
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        if let Some(recorder) = Self::innermost() {
            recorder.describe_gauge(key, unit, description);
        }
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        if let Some(recorder) = Self::innermost() {
            recorder.describe_histogram(key, unit, description);
        }
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        Self::innermost().map_or_else(Counter::noop, |recorder| {
            recorder.register_counter(key, metadata)
        })
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        Self::innermost().map_or_else(Gauge::noop, |recorder| {
            recorder.register_gauge(key, metadata)
        })
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        Self::innermost().map_or_else(Histogram::noop, |recorder| {
            recorder.register_histogram(key, metadata)
        })
    }
}

pin_project! {
    /// A future that is in a capture wherever it is polled.
    ///
    /// Created by [`Capture::wrap`](super::Capture::wrap).
    #[derive(Debug)]
    pub struct Captured<F> {
        #[pin]
        // `None` after the future was dropped, which also must happen inside the capture.
        inner: Option<F>,
        scope: Scope,
    }

    impl<F> PinnedDrop for Captured<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.scope.enter();
            this.inner.set(None);
        }
    }
}

impl<F> Captured<F> {
    pub(super) fn new(scope: Scope, inner: F) -> Self {
        Self {
            inner: Some(inner),
            scope,
        }
    }
}

impl<F: Future> Future for Captured<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.enter();
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(context),
            // Unreachable: only the destructor removes the future.
            None => Poll::Pending,
        }
    }
}

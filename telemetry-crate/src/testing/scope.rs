//! Where a capture applies: on the threads that are in its scope, and nowhere else.
//!
//! `tracing` and `metrics` both know a default for one thread, which comes before the process's. Setting those, and taking
//! them along to the threads where a test's work goes on, is all that it takes for tests to run beside each other. Left out:
//! what has no such default, the `log` crate's logger and the panic hook.

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

/// What a thread needs to be in a capture; clones are the same capture.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    dispatch: Dispatch,
    recorder: FrontRecorder,
}

/// Leaves the scope when it is dropped, on the thread that has entered it.
pub(super) struct Entered {
    _subscriber: tracing::dispatcher::DefaultGuard,
    _recorder: LocalRecorderGuard<'static>,
    _innermost: Innermost,
}

thread_local! {
    /// The recorders of the captures that this thread is in, the innermost last.
    static RECORDERS: RefCell<Vec<FrontRecorder>> = const { RefCell::new(Vec::new()) };
    /// Of a runtime's own thread, from its start to its stop.
    static ENTERED: RefCell<Option<Entered>> = const { RefCell::new(None) };
}

struct Innermost;

impl Drop for Innermost {
    fn drop(&mut self) {
        // A thread that has no such value any more has nothing to forget.
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
        // As long as there is one subscriber in the process, `tracing` asks only the thread's own about a callsite that is
        // new, and remembers the answer for all of them: no interest, if the first to come by is a test without a capture.
        // A second one, which never goes, makes it ask every time.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(NoSubscriber::new()));
        Self {
            dispatch: Dispatch::new(subscriber),
            recorder,
        }
    }

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

    /// A runtime all of whose threads are in the scope, those for blocking work included.
    pub(super) fn runtime(&self) -> io::Result<Runtime> {
        let scope = self.clone();
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .on_thread_start(move || ENTERED.set(Some(scope.enter())))
            // Before the thread's other values go, on which the defaults rest.
            .on_thread_stop(|| drop(ENTERED.take()))
            .build()
    }
}

/// The recorder of the innermost capture. A constant, because a thread's default recorder is borrowed for as long as it is
/// one, and a capture's own lives only as long as the capture.
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
    /// A future that is in a capture wherever it is polled; made by [`Capture::wrap`](super::Capture::wrap).
    #[derive(Debug)]
    pub struct Captured<F> {
        #[pin]
        // Absent once it is dropped, which happens in the capture, too.
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
            // Only the destructor takes it away, and nothing is polled after that.
            None => Poll::Pending,
        }
    }
}

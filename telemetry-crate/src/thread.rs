//! The state of the calling thread: ending, suppressed, or in a test's capture.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use opentelemetry::{Context, ContextGuard};

/// The spans and events of a thread that are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ignored {
    Nothing,
    /// The events of mio, which tokio uses.
    Sockets,
    Everything,
}

impl Ignored {
    /// Whether events of this target are ignored.
    pub(crate) fn has(self, target: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Sockets => target.starts_with("mio::"),
            Self::Everything => true,
        }
    }
}

thread_local! {
    /// A sentinel that is initialized after OpenTelemetry's current context.
    static AFTER_CONTEXT: Sentinel = const { Sentinel };
    /// A sentinel that is initialized after the thread's first span.
    static AFTER_SPANS: Sentinel = const { Sentinel };
    // Values without destructors, which are available until the thread ends.
    static IS_ENDING: Cell<bool> = const { Cell::new(false) };
    static HAS_CONTEXT: Cell<bool> = const { Cell::new(false) };
    static IS_PROBING: Cell<bool> = const { Cell::new(false) };
    static IGNORED: Cell<Ignored> = const { Cell::new(Ignored::Nothing) };
    #[cfg(feature = "testing")]
    static CAPTURES: Cell<usize> = const { Cell::new(0) };
}

/// Marks the thread as ending when it is destroyed.
///
/// Thread-local values are destroyed in the reverse order of their initialization. So all values that were initialized
/// before the sentinel still exist when its destructor runs.
struct Sentinel;

impl Drop for Sentinel {
    fn drop(&mut self) {
        IS_ENDING.set(true);
    }
}

/// Whether the thread is ending.
///
/// A thread that is ending has no current span, and spans are neither created nor entered in it.
///
/// The destructor of a thread-local value may log. OpenTelemetry's current context and the registry's number of the thread
/// are thread-local values too. Using one of them after its destruction is a panic, which in a destructor aborts the
/// process, and neither crate tells whether its value is destroyed.
pub(crate) fn is_ending() -> bool {
    if !HAS_CONTEXT.replace(true) {
        // The context may be destroyed here only if the thread is ending and other instrumentation had used it before.
        IS_PROBING.set(true);
        let probed = catch_unwind(AssertUnwindSafe(|| Context::map_current(|_| ())));
        IS_PROBING.set(false);
        if probed.is_err() || AFTER_CONTEXT.try_with(|_| ()).is_err() {
            IS_ENDING.set(true);
        }
    }
    IS_ENDING.get()
}

/// The current context; an empty one while the thread is ending.
pub(crate) fn current_context() -> Context {
    if is_ending() {
        Context::new()
    } else {
        Context::current()
    }
}

/// Makes `context` the current one, unless the thread is ending.
pub(crate) fn attach(context: Context) -> Option<ContextGuard> {
    (!is_ending()).then(|| context.attach())
}

/// Whether a panic on this thread comes from the probe in [`is_ending`].
///
/// Such a panic must not be logged.
pub(crate) fn is_probing() -> bool {
    IS_PROBING.get()
}

/// Initializes the sentinel after the registry's thread-local values.
///
/// Called for each new span.
pub(crate) fn guard_spans() {
    // Fails only after the sentinel was destroyed, and then `IS_ENDING` is set.
    let _ = AFTER_SPANS.try_with(|_| ());
}

/// Ignores all further spans and events of this thread, which exports telemetry.
///
/// A thread-local dispatcher would do the same. But while one exists, `tracing` looks up the dispatcher of each thread on
/// every event, and drops events that occur inside another event or on a thread that is ending.
pub(crate) fn suppress() {
    IGNORED.set(Ignored::Everything);
}

/// Ignores the events of this thread about its sockets.
///
/// They are those of the admin listener, and would be mistaken for those of the program.
pub(crate) fn ignore_sockets() {
    IGNORED.set(Ignored::Sockets);
}

/// What is ignored of this thread.
pub(crate) fn ignored() -> Ignored {
    IGNORED.get()
}

/// Runs `work`, whose spans and events are ignored.
///
/// A runtime of firstlight is built on a thread of the program.
pub(crate) fn suppressed<T>(work: impl FnOnce() -> T) -> T {
    let before = IGNORED.replace(Ignored::Everything);
    let done = work();
    IGNORED.set(before);
    done
}

/// Runs `work`, whose spans and events are not ignored.
pub(crate) fn unsuppressed(work: impl FnOnce()) {
    let before = IGNORED.replace(Ignored::Nothing);
    work();
    IGNORED.set(before);
}

/// Sets the number of test captures around the thread.
#[cfg(feature = "testing")]
pub(crate) fn set_captures(count: usize) {
    CAPTURES.set(count);
}

/// Whether the thread records for the capture of one test.
pub(crate) fn is_in_capture() -> bool {
    #[cfg(feature = "testing")]
    return CAPTURES.get() > 0;
    #[cfg(not(feature = "testing"))]
    false
}

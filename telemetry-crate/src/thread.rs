//! What the calling thread may still do, and whether what it says is wanted.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use opentelemetry::{Context, ContextGuard};

thread_local! {
    /// Made after the thread's first use of OpenTelemetry's current context.
    static AFTER_CONTEXT: Sentinel = const { Sentinel };
    /// Made after the thread's first span.
    static AFTER_SPANS: Sentinel = const { Sentinel };
    // Without destructors, so that they are there to the end.
    static IS_ENDING: Cell<bool> = const { Cell::new(false) };
    static HAS_CONTEXT: Cell<bool> = const { Cell::new(false) };
    static IS_ASKING: Cell<bool> = const { Cell::new(false) };
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
    #[cfg(feature = "testing")]
    static CAPTURES: Cell<usize> = const { Cell::new(0) };
}

/// Thread-local values are destroyed in the reverse order in which they were made: what was made before this one is still
/// there when its destructor runs.
struct Sentinel;

impl Drop for Sentinel {
    fn drop(&mut self) {
        IS_ENDING.set(true);
    }
}

/// Whether the thread is ending, so that it has no current span, and none begins or ends in it.
///
/// The destructor of a thread-local value may log. OpenTelemetry's current context and the registry's number of the thread
/// are such values as well; asking for one that is gone is a panic, which in a destructor aborts the process, and there is
/// no way to ask whether it is gone.
pub(crate) fn is_ending() -> bool {
    if !HAS_CONTEXT.replace(true) {
        // It is gone already only where other instrumentation used it before firstlight did, and the thread is ending.
        IS_ASKING.set(true);
        let asked = catch_unwind(AssertUnwindSafe(|| Context::map_current(|_| ())));
        IS_ASKING.set(false);
        if asked.is_err() || AFTER_CONTEXT.try_with(|_| ()).is_err() {
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

/// Makes it the current one, unless the thread is ending.
pub(crate) fn attach(context: Context) -> Option<ContextGuard> {
    (!is_ending()).then(|| context.attach())
}

/// Whether a panic is only the answer to the question for the context.
pub(crate) fn is_asking() -> bool {
    IS_ASKING.get()
}

/// The thread has made a span.
pub(crate) fn has_spans() {
    // A thread that ends need not be told so.
    let _ = AFTER_SPANS.try_with(|_| ());
}

/// From here on, spans and events of this thread are nothing: they are the exporters' own.
///
/// A dispatcher for this thread alone would do the same; as long as there is one, `tracing` asks each thread for its own,
/// and drops what is logged while something is logged, or by a thread that ends.
pub(crate) fn silence() {
    IS_SILENT.set(true);
}

pub(crate) fn is_silent() -> bool {
    IS_SILENT.get()
}

/// Runs `say`, whose events are heard.
pub(crate) fn aloud(say: impl FnOnce()) {
    let was_silent = IS_SILENT.replace(false);
    say();
    IS_SILENT.set(was_silent);
}

/// How many captures of tests the thread is in.
#[cfg(feature = "testing")]
pub(crate) fn set_captures(count: usize) {
    CAPTURES.set(count);
}

/// Whether what the thread records is for the capture of one test alone.
pub(crate) fn is_in_capture() -> bool {
    #[cfg(feature = "testing")]
    return CAPTURES.get() > 0;
    #[cfg(not(feature = "testing"))]
    false
}

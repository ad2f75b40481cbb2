//! The recorder of the statements inside one span, for tests that count them.

use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::statement::Statement;

/// The recorder in the span's extensions, which is dropped at the span's end.
#[derive(Debug)]
pub(super) struct Recorder(pub(super) Arc<Recorded>);

/// The statements that a recorder has recorded, shared with the test.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) is_attached: AtomicBool,
    state: Mutex<State>,
    pub(super) ended: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) statements: Vec<Arc<Statement>>,
    pub(super) is_over: bool,
}

impl Recorded {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    pub(super) fn set_attached(&self) {
        self.0.is_attached.store(true, Ordering::Relaxed);
    }

    pub(super) fn record(&self, statement: &Arc<Statement>) {
        self.0.state().statements.push(Arc::clone(statement));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.0.state().is_over = true;
        self.0.ended.notify_all();
    }
}

//! Passes a value to the layer that sees a new span, which stores it in the span.
//!
//! A span's fields only accept printable values. The value is pending only during the call that
//! creates the span, on one thread.

use std::{cell::Cell, sync::Arc};

use super::call::Call;
#[cfg(feature = "testing")]
use super::statement_recorder::Recorder;

/// A value for the extensions of a span.
#[derive(Debug)]
pub(super) enum Pending {
    Call(Arc<Call>),
    #[cfg(feature = "testing")]
    Recorder(Recorder),
}

thread_local! {
    static PENDING: Cell<Option<Pending>> = const { Cell::new(None) };
}

/// Creates a span whose extensions get the value, if a layer takes it.
pub(super) fn with_pending<T>(pending: Pending, make_span: impl FnOnce() -> T) -> T {
    set(Some(pending));
    let made = make_span();
    set(None);
    made
}

/// Takes the pending value; called by the layer.
pub(super) fn take() -> Option<Pending> {
    PENDING.try_with(Cell::take).ok().flatten()
}

/// Sets the pending value; does nothing on a thread that ends.
fn set(pending: Option<Pending>) {
    // Dropped outside the closure, because its drop may end another span.
    let before = PENDING.try_with(|cell| cell.replace(pending));
    drop(before);
}

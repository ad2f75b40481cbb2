//! Passes a value to the layer that sees a span begin, which stores it in the span's extensions.
//!
//! A span's fields take values that can be printed, and nothing else. The value is pending for the length of one call on one
//! thread.

use std::{cell::Cell, sync::Arc};

use super::call::Call;
#[cfg(feature = "testing")]
use super::recorder::Recorder;

/// What a span may keep.
#[derive(Debug)]
pub(super) enum Pending {
    Call(Arc<Call>),
    #[cfg(feature = "testing")]
    Recorder(Recorder),
}

thread_local! {
    static PENDING: Cell<Option<Pending>> = const { Cell::new(None) };
}

/// Makes a span, whose extensions get the value if there is a layer that takes it.
pub(super) fn with<T>(pending: Pending, make_span: impl FnOnce() -> T) -> T {
    set(Some(pending));
    let made = make_span();
    set(None);
    made
}

/// The pending value; for the layer.
pub(super) fn take() -> Option<Pending> {
    PENDING.try_with(Cell::take).ok().flatten()
}

/// Does nothing on a thread that ends.
fn set(pending: Option<Pending>) {
    // What was not taken is dropped outside, because its end may be another span's.
    let before = PENDING.try_with(|cell| cell.replace(pending));
    drop(before);
}

//! Hands something over to the layer that sees a span begin, to be kept in that span.
//!
//! `tracing` has fields for values that can be shown, and nothing else, between whoever makes a span and a layer. What is
//! handed over is there for the length of one call on one thread.

use std::{cell::Cell, sync::Arc};

use super::call::Call;
#[cfg(feature = "testing")]
use super::recorder::Recorder;

/// What a span may keep.
#[derive(Debug)]
pub(super) enum Handed {
    Call(Arc<Call>),
    #[cfg(feature = "testing")]
    Recorder(Recorder),
}

thread_local! {
    static HANDED: Cell<Option<Handed>> = const { Cell::new(None) };
}

/// Makes a span that keeps it, if there is a layer that takes it.
pub(super) fn with<T>(handed: Handed, make_span: impl FnOnce() -> T) -> T {
    set(Some(handed));
    let made = make_span();
    set(None);
    made
}

/// What is handed over; for the layer.
pub(super) fn take() -> Option<Handed> {
    HANDED.try_with(Cell::take).ok().flatten()
}

/// A thread that ends hands nothing over.
fn set(handed: Option<Handed>) {
    // What was not taken is dropped outside, because its end may be another span's.
    let before = HANDED.try_with(|cell| cell.replace(handed));
    drop(before);
}

//! The ids of spans that were lost.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::SpanId;

/// Number of ids; later ones take the places of earlier ones.
const PLACES: usize = 256;

/// Remembers lost spans, so that their children are not taken for local roots.
///
/// The children of spans of other libraries have unknown parents, too, and are local roots.
#[derive(Debug)]
pub(super) struct LostSpans([AtomicU64; PLACES]);

impl LostSpans {
    pub(super) fn new() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }

    fn place(&self, span: SpanId) -> (u64, &AtomicU64) {
        let id = u64::from_be_bytes(span.to_bytes());
        (id, &self.0[id as usize % PLACES])
    }

    #[cold]
    pub(super) fn add(&self, span: SpanId) {
        let (id, place) = self.place(span);
        place.store(id, Ordering::Relaxed);
    }

    pub(super) fn contains(&self, span: SpanId) -> bool {
        let (id, place) = self.place(span);
        place.load(Ordering::Relaxed) == id
    }
}

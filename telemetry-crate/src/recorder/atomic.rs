//! The atomic types of the code that a model checker runs.
//!
//! `tests/model.rs` replaces this file with the types of `loom`.

pub(super) use std::sync::atomic::{AtomicUsize, Ordering};

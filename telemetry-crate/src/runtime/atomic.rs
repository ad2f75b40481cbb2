//! The atomic types of the code that a model checker runs.
//!
//! `xtask/model` replaces this file with the types of `loom`.

pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

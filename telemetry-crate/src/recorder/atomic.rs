//! The atomic types of the code that a model checker runs.
//!
//! `xtask/model` replaces this file with the types of `loom`.

pub(super) use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mpsc::{Receiver, Sender, channel},
};

pub(super) use super::spin::try_lock;

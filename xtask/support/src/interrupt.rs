//! Ctrl-C and SIGTERM: children are in process groups of their own, so they end when this program says so, and they do.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::Context as _;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::process::kill_all;

/// Whether a signal has come.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Whether a signal has come since [`watch`].
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The first signal is left to the caller to notice; the second kills every child and exits.
pub fn watch() -> anyhow::Result<Interrupt> {
    let interrupt = Interrupt::default();
    let noticed = interrupt.clone();
    on_signal(move || noticed.0.swap(true, Ordering::Relaxed))?;
    Ok(interrupt)
}

/// The first signal kills every child and exits: for tests, whose result is void then anyway.
pub fn exit_at_once() -> anyhow::Result<()> {
    on_signal(|| true)
}

fn on_signal(is_the_end: impl Fn() -> bool + Send + 'static) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for signals")?;
    thread::spawn(move || {
        for signal in signals.forever() {
            if is_the_end() {
                kill_all();
                // As a shell reports a program that a signal has ended.
                process::exit(128 + signal);
            }
        }
    });
    Ok(())
}

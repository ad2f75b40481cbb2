//! Handles Ctrl-C and SIGTERM.
//!
//! Children have their own process groups, so a signal from the terminal does not reach them. This program must end them.

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

/// A flag that is set by the first signal.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Whether a signal has arrived since [`watch`].
    pub fn has_arrived(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sets the returned flag on the first signal.
///
/// The second signal kills every child and exits.
pub fn watch() -> anyhow::Result<Interrupt> {
    let interrupt = Interrupt::default();
    let flag = interrupt.clone();
    on_signal(move || flag.0.swap(true, Ordering::Relaxed))?;
    Ok(interrupt)
}

/// Kills every child and exits on the first signal, for tests.
pub fn exit_at_once() -> anyhow::Result<()> {
    on_signal(|| true)
}

/// Calls `last` and exits on the first signal.
pub fn exit_after(last: impl Fn() + Send + 'static) -> anyhow::Result<()> {
    on_signal(move || {
        last();
        true
    })
}

fn on_signal(exits: impl Fn() -> bool + Send + 'static) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for signals")?;
    thread::spawn(move || {
        for signal in signals.forever() {
            if exits() {
                kill_all();
                // The status that a shell reports for a program ended by a signal.
                process::exit(128 + signal);
            }
        }
    });
    Ok(())
}

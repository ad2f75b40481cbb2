//! Why a response is dropped before its end: not because the client went away, but because the server gave up on it.

use std::cell::Cell;

/// What the server ran out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "axum"),
    expect(dead_code, reason = "`http::serve` cuts")
)]
pub(super) enum Cut {
    /// The time after the signal to stop.
    Drain,
    /// The time in which the client takes nothing.
    WriteTimeout,
}

impl Cut {
    /// As in `error.type`, and as the limit is called in `serve_limited_total`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::WriteTimeout => "write_timeout",
        }
    }

    /// Whether the client waits for what it does not get.
    pub(super) fn is_the_servers_fault(self) -> bool {
        self == Self::Drain
    }
}

thread_local! {
    static CUT: Cell<Option<Cut>> = const { Cell::new(None) };
}

/// What cuts the responses that are dropped now, on this thread.
pub(super) fn current() -> Option<Cut> {
    CUT.try_with(Cell::get).ok().flatten()
}

/// Whether what is dropped now was waited for until the end of the drain.
pub(crate) fn is_cut_by_the_drain() -> bool {
    current() == Some(Cut::Drain)
}

/// Declared before what may be cut, so that it is dropped after it.
#[cfg(feature = "axum")]
#[derive(Debug, Default)]
pub(super) struct Cutting(());

#[cfg(feature = "axum")]
impl Cutting {
    /// What is dropped before this is, is cut by that.
    pub(super) fn by(&self, cut: Cut) {
        let _ = CUT.try_with(|current| current.set(Some(cut)));
    }
}

#[cfg(feature = "axum")]
impl Drop for Cutting {
    fn drop(&mut self) {
        let _ = CUT.try_with(|current| current.set(None));
    }
}

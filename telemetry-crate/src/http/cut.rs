//! The limit that makes the server end a response early.
//!
//! It distinguishes a response that the server cuts from one whose client disconnects.

use std::cell::Cell;

/// The limit that a response exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "axum"),
    expect(dead_code, reason = "`http::serve` cuts")
)]
pub(super) enum Cut {
    /// The time that requests in flight have after the signal to stop.
    Drain,
    /// The time in which the client has to accept bytes.
    WriteTimeout,
}

impl Cut {
    /// Returns the `error.type`, which is also the limit in `serve_limited_total`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::WriteTimeout => "write_timeout",
        }
    }

    /// Returns whether the server is at fault, because the client still waits.
    pub(super) fn is_server_fault(self) -> bool {
        self == Self::Drain
    }
}

thread_local! {
    static CUT: Cell<Option<Cut>> = const { Cell::new(None) };
}

/// Returns the reason for cutting responses that this thread drops now.
pub(super) fn current() -> Option<Cut> {
    CUT.try_with(Cell::get).ok().flatten()
}

/// Returns whether the drain cuts the calls that this thread drops now.
pub(crate) fn is_cut_by_drain() -> bool {
    current() == Some(Cut::Drain)
}

/// Marks responses that are dropped on this thread as cut.
///
/// Declare it before the value that may be cut: locals drop in reverse order, so the mark outlives
/// the value.
#[cfg(feature = "axum")]
#[derive(Debug, Default)]
pub(super) struct CutGuard(());

#[cfg(feature = "axum")]
impl CutGuard {
    /// Marks everything that is dropped before `self` as cut for this reason.
    pub(super) fn set(&self, cut: Cut) {
        let _ = CUT.try_with(|current| current.set(Some(cut)));
    }
}

#[cfg(feature = "axum")]
impl Drop for CutGuard {
    fn drop(&mut self) {
        let _ = CUT.try_with(|current| current.set(None));
    }
}

//! The section and the warning about SIGTERM.
//!
//! Kubernetes, systemd and `docker stop` send SIGTERM. Without a handler the signal ends a process at once, or has no
//! effect if the process is the first of its PID namespace. The kernel knows whether a handler is registered; this module
//! reads that on Linux only.

use std::{sync::Arc, time::Duration};

use super::{Section, State, Status};
use crate::readiness;

/// The time between two checks whether a first request was served.
///
/// It is also the delay after that request, because a handler may be registered a moment later.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// The effect of SIGTERM on the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disposition {
    /// A handler is registered, or the signal is blocked, as it is for `sigwait`.
    Handled,
    Ignored,
    Default,
}

impl Disposition {
    #[cfg(target_os = "linux")]
    fn now() -> Option<Self> {
        let status = procfs::process::Process::myself().ok()?.status().ok()?;
        let has = |signals: u64| signals & (1 << (SIGTERM - 1)) != 0;
        Some(if has(status.sigcgt) || has(status.sigblk) {
            Self::Handled
        } else if has(status.sigign) {
            Self::Ignored
        } else {
            Self::Default
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn now() -> Option<Self> {
        None
    }
}

#[cfg(target_os = "linux")]
const SIGTERM: u32 = 15;

/// Warns once if requests are served and nothing handles SIGTERM.
pub(crate) async fn watch_sigterm(status: Arc<Status>) {
    while !status.has_served() {
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
    tokio::time::sleep(CHECK_INTERVAL).await;
    let has_ended = status.end.get().is_some() || readiness::is_stopping();
    if !has_ended && Disposition::now() == Some(Disposition::Default) {
        tracing::warn!(target: "firstlight", "{}", unhandled());
    }
}

impl Status {
    /// The section about SIGTERM; `None` if the disposition is unknown.
    pub(super) fn sigterm(&self) -> Option<Section> {
        let (state, detail) = match Disposition::now()? {
            _ if readiness::is_stopping() => (State::Works, String::new()),
            Disposition::Default if self.has_served() => (State::Fails, unhandled()),
            Disposition::Default => (
                State::Unknown,
                "no handler is registered yet; firstlight::shutdown_signal() registers one"
                    .to_owned(),
            ),
            Disposition::Ignored => (State::Off, "this process ignores it".to_owned()),
            Disposition::Handled => {
                let detail = "it has a handler; whether this is firstlight::shutdown_signal() shows only when the signal arrives";
                (State::Unknown, detail.to_owned())
            }
        };
        Some(Section::new("sigterm", state, detail))
    }
}

fn unhandled() -> String {
    let consequence = if std::process::id() == 1 {
        "as PID 1 this process ignores it, and is killed when the grace period is over"
    } else {
        "it ends this process at once, in the middle of requests"
    };
    format!(
        "nothing handles SIGTERM, which Kubernetes, systemd and `docker stop` send: {consequence}, and telemetry that is not exported yet is lost; stop the server with firstlight::shutdown_signal(), then `telemetry.finish(...)`"
    )
}

//! The settings that the services of a client layer share.

use std::{fmt, sync::Arc};

use super::hosts::Hosts;
use crate::metrics::Durations;

#[derive(Clone)]
pub(super) struct ClientSettings {
    pub(super) propagation: Propagation,
    pub(super) hosts: Arc<Hosts>,
    pub(super) durations: Arc<Durations>,
}

/// The servers to which the context is sent.
#[derive(Clone)]
pub(super) enum Propagation {
    Everywhere,
    Nowhere,
    Where(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl ClientSettings {
    pub(super) fn propagates_to(&self, host: &str) -> bool {
        match &self.propagation {
            Propagation::Everywhere => true,
            Propagation::Nowhere => false,
            Propagation::Where(wanted) => wanted(host),
        }
    }

    /// Returns whether this host is excluded while others get the context.
    #[cfg(any(feature = "reqwest", feature = "reqwest-012"))]
    pub(super) fn excludes(&self, host: &str) -> bool {
        matches!(&self.propagation, Propagation::Where(wanted) if !wanted(host))
    }
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let propagation = match self.propagation {
            Propagation::Everywhere => "everywhere",
            Propagation::Nowhere => "nowhere",
            Propagation::Where(_) => "by host",
        };
        f.debug_struct("ClientSettings")
            .field("propagation", &propagation)
            .finish_non_exhaustive()
    }
}

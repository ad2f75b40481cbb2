//! What is kept of a statement for its further runs.

use std::sync::{Arc, OnceLock};

use metrics::Histogram;

use super::server::Server;
use crate::{evidence::AttributeRecords, metrics::Kept};

/// The histogram and the recorded attributes of a statement.
///
/// The histogram saves the look-up by all labels, and the attributes save writing each of them again.
#[derive(Debug, Default)]
pub(super) struct RunCache {
    /// The histogram, with the system in its labels.
    durations: Kept<(&'static str, Histogram)>,
    /// The attributes as the flight recorder stores them, with the server among them.
    attributes: OnceLock<(Arc<Server>, OnceLock<AttributeRecords>)>,
}

impl RunCache {
    /// Records a duration in the histogram that `find` finds, which is kept.
    pub(super) fn record_duration(
        &self,
        system: &'static str,
        seconds: f64,
        find: impl Fn() -> Histogram,
    ) {
        self.durations.with(
            || (system, find()),
            |(_, histogram)| histogram,
            |(kept, histogram)| {
                // The system of all statements changes when another pool is added.
                if *kept == system {
                    histogram.record(seconds);
                } else {
                    find().record(seconds);
                }
            },
        );
    }

    /// The place for the recorded attributes of runs on this server.
    ///
    /// `None` if the place has those of another server, to which an older run belonged.
    pub(super) fn attributes(&self, server: &Arc<Server>) -> Option<&OnceLock<AttributeRecords>> {
        let new = || (server.clone(), OnceLock::new());
        let (kept, attributes) = self.attributes.get_or_init(new);
        (kept == server).then_some(attributes)
    }
}

impl Clone for RunCache {
    /// Returns an empty one.
    ///
    /// A copy of the statement has other labels and attributes.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for RunCache {
    /// What is kept is no part of the statement.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for RunCache {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::RunCache;
    use crate::db::server::Server;

    #[test]
    fn attributes_are_those_of_an_equal_server() {
        let cache = RunCache::default();
        let server = |system| Arc::new(Server::of_system(system));
        assert!(cache.attributes(&server("sqlite")).is_some());
        // Another pool of the same database has a server of its own.
        assert!(cache.attributes(&server("sqlite")).is_some());
        assert!(cache.attributes(&server("postgresql")).is_none());
        assert!(cache.clone().attributes(&server("postgresql")).is_some());
    }
}

//! The metadata of events that come from records of the `log` crate.

use tracing::{Event, Metadata};
use tracing_log::NormalizeEvent;

/// The metadata of the record from which `tracing-log` made the event.
///
/// `None` for an event of `tracing`.
pub(crate) fn of_record<'a>(event: &'a Event<'a>) -> Option<Metadata<'a>> {
    // The target of these events, which is cheaper to compare than their callsites.
    if event.metadata().target() == "log" {
        event.normalized_metadata()
    } else {
        None
    }
}

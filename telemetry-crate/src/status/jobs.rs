//! The section about queues without a worker.

use super::{Item, Section, State};
use crate::jobs;

/// Returns the section, unless each queue has a worker.
pub(super) fn section() -> Option<Section> {
    let cautions = jobs::cautions();
    if cautions.is_empty() {
        return None;
    }
    // No fault, because another process may have the workers.
    let section = Section::new("jobs", State::Up, String::new());
    Some(section.with("cautions", Item::List(cautions)))
}

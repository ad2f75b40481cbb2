//! The state of one signal's export, described for operators.

use super::{Item, Section, State, hint};
use crate::export::ExportStats;

/// Returns the state of an export, with the reason and advice.
pub(super) fn state(stats: &ExportStats, has_ended: bool) -> (State, String) {
    if has_ended {
        let detail = "telemetry has ended, so nothing is exported any more";
        return (State::Off, detail.to_owned());
    }
    match stats.last_error() {
        Some(error) if stats.is_failing() => {
            let detail = format!("{}; {}", error.text, hint(stats.signal(), &error.kind));
            (State::Fails, detail)
        }
        Some(error) => {
            let detail = format!("export works again; before that it failed: {}", error.text);
            (State::Works, detail)
        }
        None if stats.total_exported() == 0 => {
            let unit = stats.signal().unit();
            (State::Unknown, format!("no {unit} have been exported yet"))
        }
        None => (State::Works, String::new()),
    }
}

/// Adds the counters of an export to its section.
pub(super) fn describe(section: Section, endpoint: &str, stats: &ExportStats) -> Section {
    let unit = stats.signal().unit();
    let section = section
        .with("endpoint", Item::text(endpoint))
        .with("exported", Item::Number(stats.total_exported()))
        .with("lost", Item::Number(stats.total_lost()))
        .with("lost_by_reason", Item::counts(stats.lost_by_reason()));
    match stats.capacity() {
        0 => section,
        capacity => section.with(
            "queue",
            Item::Text(format!("{} of {capacity} {unit}", stats.waiting())),
        ),
    }
}

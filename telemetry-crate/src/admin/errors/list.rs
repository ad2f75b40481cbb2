//! The groups of errors as text.

use std::fmt::Write;

use super::{Query, rate};
use crate::{
    admin::{identity::Identity, one_line::one_line, time},
    recorder::{ErrorGroup, ErrorPlace, ErrorsView},
    values::counted,
};

/// Largest number of characters of a file, a root, a target or a type.
const NAME: usize = 128;

/// Largest number of characters of an example.
const EXAMPLE: usize = 2_048;

/// Returns the groups, the one that occurred last first.
pub(super) fn text(identity: &Identity<'_>, errors: &ErrorsView, query: Query) -> String {
    let now = time::now();
    let mut text = identity.heading();
    let groups = errors.groups.iter();
    let groups: Vec<_> = groups.filter(|group| query.lists(errors, group)).collect();
    let asks_for_new = query == Query::New;
    if asks_for_new && !errors.knows_last_process() {
        text += "the errors of the last process are not known, so all groups are listed: a process with FIRSTLIGHT_RECORDER_FILE leaves them to the next one\n";
    }
    let which = if asks_for_new && errors.knows_last_process() {
        "errors that the last process did not know"
    } else {
        "errors"
    };
    // Writing to a `String` cannot fail, here and below.
    let _ = write!(
        text,
        "\n{which}, since {}: {}",
        time::date(errors.started),
        counted(groups.len() as u64, "group", "groups")
    );
    text += if groups.is_empty() {
        "\n"
    } else {
        ", the last one first\n"
    };
    for group in groups {
        push_group(&mut text, identity, errors, group, now);
    }
    if errors.removed > 0 {
        let removed = counted(errors.removed, "group was", "groups were");
        let _ = writeln!(text, "\nnot kept: {removed} removed for others");
    }
    text
}

fn push_group(
    text: &mut String,
    identity: &Identity<'_>,
    errors: &ErrorsView,
    group: &ErrorGroup,
    now: u64,
) {
    let new = match errors.is_new(group) {
        Some(true) => ", new",
        Some(false) | None => "",
    };
    let _ = writeln!(
        text,
        "\n  {}{}{new}",
        one_line(&group.place.to_string(), 2 * NAME),
        type_of(group)
    );
    let rate = match group.count {
        1 => String::new(),
        _ => format!(", {}", spoken_rate(rate(group, now))),
    };
    let _ = writeln!(
        text,
        "    {}{rate}, last {} ago, first {}{}",
        counted(group.count, "time", "times"),
        time::spoken(now.saturating_sub(group.last_seen)),
        time::date(group.first_seen),
        revision(identity)
    );
    if let ErrorPlace::Code { target, file, .. } = &group.place
        && !file.is_empty()
    {
        let _ = writeln!(text, "    target {}", one_line(target, NAME));
    }
    if !group.example.is_empty() {
        let _ = writeln!(text, "    {}", one_line(&group.example, EXAMPLE));
    }
    if let Some(trace_id) = group.trace_id {
        let _ = writeln!(text, "    /traces/{trace_id}");
    }
}

fn type_of(group: &ErrorGroup) -> String {
    match &*group.error_type {
        "" => String::new(),
        error_type => format!("  {}", one_line(error_type, NAME)),
    }
}

/// The build in which the errors occurred.
fn revision(identity: &Identity<'_>) -> String {
    match (identity.version, identity.revision) {
        ("", "") => String::new(),
        (version, "") => format!(", in {version}"),
        ("", revision) => format!(", in revision {revision}"),
        (version, revision) => format!(", in {version}, revision {revision}"),
    }
}

/// A rate in the unit in which it is at least one, if there is such a unit.
fn spoken_rate(per_second: f64) -> String {
    match per_second {
        1.0.. => format!("{per_second:.1} per second"),
        0.016..1.0 => format!("{:.1} per minute", per_second * 60.0),
        _ => format!("{:.1} per hour", per_second * 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_fitting_unit() {
        for (rate, expected) in [
            (12.34, "12.3 per second"),
            (0.1, "6.0 per minute"),
            (0.001, "3.6 per hour"),
            (0.0, "0.0 per hour"),
        ] {
            assert_eq!(spoken_rate(rate), expected);
        }
    }
}

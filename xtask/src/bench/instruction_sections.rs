//! Renders the sections of the page about instructions: the goals and the counts.

use std::fmt::Write as _;

use super::{
    book_page::name,
    condition::Condition,
    digits::rounded,
    goals::{Goal, Limit},
    instructions::Counts,
    variant::{BARE, BY_HAND},
};

/// Whether a goal is reached, as a cell of a table.
pub(super) fn verdict(is_reached: bool) -> &'static str {
    if is_reached {
        "reached"
    } else {
        "**not reached**"
    }
}

/// The section with the goals, each with its counts and whether it is reached.
pub(super) fn goals(page: &mut String, goals: &[Goal]) {
    page.push_str(GOALS);
    for goal in goals {
        let verdict = verdict(goal.reached());
        let added = rounded(goal.added);
        let row = match goal.limit {
            Limit::PeerFraction {
                parts,
                peer,
                peer_added,
            } => format!(
                "at most 1/{parts} of {peer} | {added} | {} | 1/{:.1} | {verdict}",
                rounded(peer_added),
                peer_added / goal.added,
            ),
            Limit::Recorder(most) => format!(
                "at most {} for the recorder | {added} | – | – | {verdict}",
                rounded(most)
            ),
        };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(page, "| {} | {row} |", goal.condition);
    }
    page.push('\n');
}

/// The section with the counts of all variants under all conditions.
///
/// # Errors
///
/// If a count is missing.
pub(super) fn counts(page: &mut String, counts: &Counts) -> anyhow::Result<()> {
    let conditions = counts.conditions();
    let [few, many] = counts.requests.map(|requests| rounded(requests as f64));
    let _ = writeln!(page, "{COUNTS}\n");
    let headings: Vec<_> = conditions.iter().map(Condition::to_string).collect();
    let _ = writeln!(page, "| | {} |", headings.join(" | "));
    let _ = writeln!(page, "| --- |{}", " ---: |".repeat(conditions.len()));
    for variant in counts.variants() {
        let _ = write!(page, "| {} |", name(variant));
        for condition in &conditions {
            let cell = if variant.is_baseline() {
                rounded(counts.of(BARE, *condition)?)
            } else {
                let added = counts.added(variant.title, *condition)?;
                let by_hand = counts.added(BY_HAND, *condition)?;
                let fraction = if variant.title == BY_HAND {
                    String::new()
                } else {
                    format!(" ({:.2})", added / by_hand)
                };
                format!("+{}{fraction}", rounded(added))
            };
            let _ = write!(page, " {cell} |");
        }
        page.push('\n');
    }
    let _ = writeln!(
        page,
        "\nCounted by {} in runs with {few} and {many} requests, built by {}, at the checkout {}.",
        counts.fact("valgrind"),
        counts.fact("compiler"),
        counts.fact("this checkout"),
    );
    Ok(())
}

const GOALS: &str = "\
## Goals

The goals are set in instructions per request, which hardly depend on how busy the machine is. *Adds* is what firstlight adds to
`bare`. The flight recorder is off (`FIRSTLIGHT_RECORDER=off`), because the other set-ups have none, and a goal of its own limits
what it adds to that. *The other adds* is what the set-up in the goal adds to `bare`. firstlight and oxtel write an access line
for each request, which `by-hand` does not. The times, which the goals do not judge, are [below](#what-each-costs-to-run).

| condition | goal | adds | the other adds | fraction | |
| --- | --- | ---: | ---: | ---: | --- |
";

const COUNTS: &str = "\
## In instructions

The instructions per request that the server's process executes outside the kernel, of all its threads, counted with callgrind.
The row of `bare` has all of them, and the other rows have what telemetry adds to `bare`. In brackets is the fraction of what
`by-hand` adds. A count is the difference of two runs, so it has no part of the process's start and stop. All spans of sampled
requests and all log lines have arrived, or there would be no result.";

#[cfg(test)]
mod tests {
    use super::super::{goals::all, instructions::tests::counts};

    fn has_rows(page: &str, rows: &[&str]) {
        for row in rows {
            assert!(page.lines().any(|line| line == *row), "{row}\n{page}");
        }
    }

    #[test]
    fn goals_have_a_row_each() {
        let mut page = String::new();
        super::goals(&mut page, &all(&counts()).unwrap_or_default());
        has_rows(
            &page,
            &[
                "| 100 % sampled, 1 log line | at most 1/8 of by-hand | 16,000 | 40,000 | 1/2.5 | **not reached** |",
                "| 1 % sampled, 5 log lines | at most 1/6 of oxtel | 16,000 | 56,000 | 1/3.5 | **not reached** |",
                "| 1 % sampled, 1 log line | at most 4,000 for the recorder | -8,000 | – | – | reached |",
            ],
        );
    }

    #[test]
    fn counts_have_a_row_for_each_variant() {
        let mut page = String::new();
        let rendered = super::counts(&mut page, &counts());
        assert!(rendered.is_ok(), "{rendered:?}");
        has_rows(
            &page,
            &[
                "| | 100 % sampled, 1 log line | 100 % sampled, 5 log lines | 1 % sampled, 1 log line | 1 % sampled, 5 log lines |",
                "| bare | 10,000 | 10,000 | 10,000 | 10,000 |",
                "| **firstlight** | +8,000 (0.20) | +8,000 (0.20) | +8,000 (0.20) | +8,000 (0.20) |",
                "| by-hand | +40,000 | +40,000 | +40,000 | +40,000 |",
            ],
        );
    }
}

//! Prints the results on a terminal.

use support::ui;

use super::{
    condition::Condition,
    crates::BuildCost,
    digits::rounded,
    goals::{Goal, Limit},
    instructions::Counts,
    operations::Costs,
    results::{CPU, Results},
    variant::{OURS, OURS_WITHOUT_RECORDER},
};

/// Prints what each variant emits, which explains differences in cost.
pub(crate) fn emitted(results: &Results) {
    ui::heading("What each emits per request, everything sampled, one log line by the handler");
    ui::line(ui::quiet(format!(
        "  {:<28}{:>7}{:>9}{:>9}{:>7}{:>7}{:>8}{:>8}{:>11}",
        "", "lines", "B/line", "records", "spans", "attr.", "events", "B/span", "series/ex."
    )));
    for variant in results.variants() {
        let median = |what: &str| results.median(variant, Condition::TYPICAL, what);
        ui::line(format!(
            "  {:<28}{:>7.2}{:>9.0}{:>9.2}{:>7.2}{:>7.1}{:>8.1}{:>8.0}{:>11}",
            variant.title,
            median("lines_per_request"),
            median("bytes_per_line"),
            median("log_records_per_request"),
            median("spans_per_request"),
            median("attributes_per_span"),
            median("events_per_span"),
            median("bytes_per_span"),
            format!("{:.0}/{:.0}", median("http_series"), median("exemplars")),
        ));
    }
}

/// Prints the cost of each variant under each condition.
pub(crate) fn costs(results: &Results) {
    for condition in results.conditions() {
        ui::heading(&condition.to_string());
        ui::line(ui::quiet(format!(
            "  {:<28}{:>22}{:>24}{:>9}{:>8}{:>8}{:>8}{:>8}",
            "", "µs CPU/request", "added over bare", "req/s", "p50 µs", "p99 µs", "MiB", "spans"
        )));
        for variant in results.variants() {
            let (Some(cpu), Some(added)) = (
                results.spread(variant, condition, CPU),
                results.added(variant, condition),
            ) else {
                continue;
            };
            let median = |what: &str| results.median(variant, condition, what);
            let line = format!(
                "  {:<28}{cpu:>22}{added:>24}{:>9.0}{:>8.0}{:>8.0}{:>8.1}{:>8.3}",
                variant.title,
                median("requests_per_second"),
                median("p50_us"),
                median("p99_us"),
                median("resident_mib"),
                median("spans_per_request"),
            );
            if variant.title == OURS {
                ui::line(ui::strong(line))
            } else {
                ui::line(line)
            }
        }
    }
}

/// Prints the instructions per request that each variant adds.
///
/// # Errors
///
/// If a count is missing.
pub(crate) fn instructions(counts: &Counts) -> anyhow::Result<()> {
    ui::heading("Instructions per request over those of bare, whose row has all");
    let conditions = counts.conditions();
    let headings: String = conditions
        .iter()
        .map(|condition| format!("{:>28}", condition.to_string()))
        .collect();
    ui::line(ui::quiet(format!("  {:<28}{headings}", "")));
    for variant in counts.variants() {
        let mut line = format!("  {:<28}", variant.title);
        for condition in &conditions {
            let count = if variant.is_baseline() {
                counts.of(variant.title, *condition)?
            } else {
                counts.added(variant.title, *condition)?
            };
            line += &format!("{:>28}", rounded(count));
        }
        ui::line(line);
    }
    Ok(())
}

pub(crate) fn goals(goals: &[Goal]) {
    ui::heading("Goals");
    for goal in goals {
        let verdict = if goal.reached() {
            ui::good("reached")
        } else {
            ui::bad("not reached")
        };
        let (condition, added) = (goal.condition, rounded(goal.added));
        ui::line(match goal.limit {
            Limit::PeerFraction {
                parts,
                peer,
                peer_added,
            } => format!(
                "  {condition}: {OURS_WITHOUT_RECORDER} adds {added}, 1/{:.1} of the {} that {peer} adds, at most 1/{parts}: {verdict}",
                peer_added / goal.added,
                rounded(peer_added),
            ),
            Limit::Recorder(most) => format!(
                "  {condition}: the recorder adds {added}, at most {}: {verdict}",
                rounded(most)
            ),
        });
    }
}

pub(crate) fn builds(costs: &[BuildCost]) {
    ui::heading("What each costs to build");
    ui::line(ui::quiet(format!(
        "  {:<28}{:>8}{:>14}{:>14}",
        "", "crates", "elapsed", "CPU"
    )));
    for cost in costs {
        ui::line(format!(
            "  {:<28}{:>8}{:>14}{:>14}",
            cost.variant.title,
            cost.crates,
            ui::seconds(cost.elapsed),
            ui::seconds(cost.processor)
        ));
    }
}

/// Prints the cost of each operation.
pub(crate) fn operations(costs: &Costs) {
    ui::heading("Added per operation, outside the kernel");
    ui::line(ui::quiet(format!(
        "  {:<44}{:>14}{:>13}{:>13}",
        "", "instructions", "allocations", "bytes"
    )));
    for (name, counts) in costs {
        let count = |what: &str| counts[what].as_f64().unwrap_or(f64::NAN);
        ui::line(format!(
            "  {name:<44}{:>14.0}{:>13.1}{:>13.0}",
            count("instructions"),
            count("allocations"),
            count("bytes")
        ));
    }
}

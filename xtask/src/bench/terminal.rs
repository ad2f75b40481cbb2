//! Prints the results on a terminal.

use support::ui;

use super::{
    condition::Condition,
    crates::BuildCost,
    goals::Goal,
    operations::Costs,
    results::{CPU, Results},
    variant::OURS,
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

pub(crate) fn goals(goals: &[Goal]) {
    ui::heading("Goals");
    for goal in goals {
        let verdict = if goal.reached() {
            ui::good("reached")
        } else {
            ui::bad("not reached")
        };
        let unlike = if goal.like_for_like() {
            ""
        } else {
            ", with an access line on one side only"
        };
        ui::line(format!(
            "  {}: {} adds {:.2} of what {} adds ({:.1} of {:.1} µs), at most {:.2}: {verdict}{unlike}",
            goal.condition,
            goal.variant.title,
            goal.fraction(),
            goal.peer.title,
            goal.added,
            goal.peer_added,
            goal.at_most
        ));
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

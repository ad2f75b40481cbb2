//! The age of what is served.
//!
//! The age is a histogram, and its budget one number for each type of data; no query can look up a bucket by a number. So the
//! budget is put into the bucket that it falls in, by one small rule for each, and what was not in that bucket was too old for
//! certain. Between the budget and the bucket's bound nothing is said: an alert must not guess.

pub(super) mod alert_tests;

use firstlight::metrics::catalog::{DATA_SERVED_AGE, DATA_STALENESS_BUDGET};

use super::{alert::Alert, board::Board, group::Group, recording::Record};
use crate::{
    limits::STALE_READS_PART,
    promql::{Selector, counted, max, of_service, on_service, whole_bounds},
};

const TYPE: [&str; 1] = ["data_type"];
const BUDGET: &str = "data:staleness_budget:seconds";
const FRESH: &str = "data:served_age_within_budget:count15m";
const ALL: &str = "data:served_age:count15m";

/// Which bucket of the served age holds the budget of each type of data, and how many reads were within it. What may not be stale
/// at all has a budget of 0 and no bucket: it always comes from the source.
pub(super) fn counts() -> Vec<Record> {
    let age = Selector::of(&DATA_SERVED_AGE);
    let by = of_service(&TYPE).join(", ");
    let by_bucket = counted(
        &of_service(&["data_type", "le"]),
        &age.clone().bucket(),
        "15m",
    );
    let fresh = Record::as_(FRESH).of(&[
        &format!("sum by ({by}) ("),
        &format!("  {}", whole_bounds(&by_bucket)),
        &format!("  and {}", on_service(&["data_type", "le"])),
        &format!("  {BUDGET}"),
        ")",
    ]);
    let all = Record::as_(ALL).of(&[&counted(&of_service(&TYPE), &age.count(), "15m")]);
    budgets().chain([fresh, all]).collect()
}

pub(super) fn group() -> Group {
    Group::new("firstlight-data").alerts([staler_than_budget()])
}

fn budgets() -> impl Iterator<Item = Record> {
    let bounds = DATA_SERVED_AGE.buckets.unwrap_or_default();
    let lower = std::iter::once(0.0).chain(bounds.iter().copied());
    let budget = max(&of_service(&TYPE), Selector::of(&DATA_STALENESS_BUDGET));
    lower.zip(bounds).map(move |(lower, upper)| {
        Record::as_(BUDGET)
            .of(&[&format!("{budget} > {lower} <= {upper}")])
            .label("le", upper.to_string())
    })
}

fn staler_than_budget() -> Alert {
    Alert::ticket("DataStalerThanBudget")
        .because("The part of reads that were older than the bucket of their budget. A cache never serves them; a source that takes longer than the budget does, and then every request waits as well.")
        .when(&[
            &format!("1 - {FRESH} / ({ALL} > 0)"),
            &format!("> {STALE_READS_PART}"),
        ])
        .lasting("10m")
        .summary("Data is served that is older than it may be.")
        .description("{{ $value | humanizePercentage }} of the reads of {{ $labels.data_type }} in {{ $labels.job }} were older than their budget.")
        .on(Board::Freshness)
}

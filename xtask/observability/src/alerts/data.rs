//! The alert on the age of served data.
//!
//! The age is a histogram, and its budget is a gauge per type of data. PromQL cannot look up a bucket by a value. One rule
//! per bucket therefore assigns each budget to the bucket that contains it. Reads beyond that bucket were certainly too old.
//! Reads between the budget and the bucket's bound do not count as stale.

use firstlight::metrics::catalog::{DATA_SERVED_AGE, DATA_STALENESS_BUDGET};

use super::{alert::Alert, board::Board, group::Group, recording::Record};
use crate::{
    limits::STALE_READS_RATIO,
    promql::{Selector, counted, max, on_service, service_labels, whole_bounds},
};

const TYPE: [&str; 1] = ["data_type"];
const BUDGET: &str = "data:staleness_budget:seconds";
const FRESH: &str = "data:served_age_within_budget:count15m";
const ALL: &str = "data:served_age:count15m";

/// The bucket of each type's budget, and the number of reads within it.
///
/// Data that must not be stale has a budget of 0 and no bucket: it always comes from the source.
pub(super) fn counts() -> Vec<Record> {
    let age = Selector::of(&DATA_SERVED_AGE);
    let by = service_labels(&TYPE).join(", ");
    let by_bucket = counted(
        &service_labels(&["data_type", "le"]),
        &age.clone().bucket(),
        "15m",
    );
    let fresh = Record::named(FRESH).expr(&[
        &format!("sum by ({by}) ("),
        &format!("  {}", whole_bounds(&by_bucket)),
        &format!("  and {}", on_service(&["data_type", "le"])),
        &format!("  {BUDGET}"),
        ")",
    ]);
    let all = Record::named(ALL).expr(&[&counted(&service_labels(&TYPE), &age.count(), "15m")]);
    budgets().chain([fresh, all]).collect()
}

pub(super) fn group() -> Group {
    Group::new("firstlight-data").alerts([staler_than_budget()])
}

fn budgets() -> impl Iterator<Item = Record> {
    let bounds = DATA_SERVED_AGE.buckets.unwrap_or_default();
    let lower = std::iter::once(0.0).chain(bounds.iter().copied());
    let budget = max(&service_labels(&TYPE), Selector::of(&DATA_STALENESS_BUDGET));
    lower.zip(bounds).map(move |(lower, upper)| {
        Record::named(BUDGET)
            .expr(&[&format!("{budget} > {lower} <= {upper}")])
            .label("le", upper.to_string())
    })
}

fn staler_than_budget() -> Alert {
    Alert::ticket("DataStalerThanBudget")
        .because("The value is the ratio of reads that were older than the bucket of their budget. A cache never serves data that is too old. A source that takes longer than the budget serves such data, and then every request waits as well.")
        .when(&[
            &format!("1 - {FRESH} / ({ALL} > 0)"),
            &format!("> {STALE_READS_RATIO}"),
        ])
        .lasting("10m")
        .summary("Served data is older than its staleness budget.")
        .description("{{ $value | humanizePercentage }} of the reads of {{ $labels.data_type }} in {{ $labels.job }} were older than their budget.")
        .on(Board::Freshness)
}

/// Tests of the alert on stale data, with both formats of bucket bounds.
pub(super) mod alert_tests {
    use crate::alerts::alert_test::AlertTest;

    const BUDGET: &str =
        r#"data_staleness_budget_seconds{job="orders",instance="a",data_type="cart"}"#;
    const ALL: &str =
        r#"data_served_age_seconds_count{job="orders",instance="a",data_type="cart"}"#;

    /// Data of the same name in two services, stale in one and fresh in the other.
    ///
    /// The fresh data is read a hundred times as often and has a larger budget.
    fn stale_and_fresh(label: &'static str, stale_service: &str, fresh_service: &str) -> AlertTest {
        let series = |metric: &str, service: &str, more: &str| {
            let job = if label == "job" { service } else { "orders" };
            let namespace = if label == "job" {
                "production"
            } else {
                service
            };
            format!(
                r#"{metric}{{namespace="{namespace}",job="{job}",instance="a",data_type="cart"{more}}}"#
            )
        };
        let test = AlertTest::of(
            "DataStalerThanBudget",
            format!("stale, beside fresh data of the same name in another {label}"),
        );
        let test = [
            (stale_service, "8", "0x90", 60),
            (fresh_service, "50", "0+6000x90", 6_000),
        ]
        .into_iter()
        .fold(test, |test, (service, budget, fresh, reads)| {
            let bucket = |le: &str| {
                series(
                    "data_served_age_seconds_bucket",
                    service,
                    &format!(r#",le="{le}""#),
                )
            };
            test.series(
                &series("data_staleness_budget_seconds", service, ""),
                format!("{budget}x90"),
            )
            .series(&bucket("10"), fresh)
            .series(&bucket("60"), format!("0+{reads}x90"))
            .series(
                &series("data_served_age_seconds_count", service, ""),
                format!("0+{reads}x90"),
            )
        });
        let labels = [
            ("namespace", "production"),
            ("job", "orders"),
            ("data_type", "cart"),
        ];
        // `fires` lists all firing alerts, so the other service must not have one.
        test.fires(
            60,
            &labels,
            "100% of the reads of cart in orders were older than their budget.",
        )
    }

    pub(in super::super) fn all() -> Vec<AlertTest> {
        let bucket = |le: &str| {
            format!(
                r#"data_served_age_seconds_bucket{{job="orders",instance="a",data_type="cart",le="{le}"}}"#
            )
        };
        // A budget of 8 s is in the bucket of 10 s. Of 60 reads a minute, a single one is beyond the bucket at minute 21, and
        // six each minute from minute 62 to 121.
        let stale = |le: &str, spelling: &str| {
            AlertTest::of(
                "DataStalerThanBudget",
                format!("a slow source, with bounds as in {spelling}"),
            )
            .series(BUDGET, "8x180")
            .series(&bucket("5"), "0+60x180")
            .series(&bucket(le), "0+60x20 1259+60x39 3659+54x60 6959+60x60")
            .series(ALL, "0+60x180")
            .transient(30)
            .fires(
                110,
                &[("job", "orders"), ("data_type", "cart")],
                "10% of the reads of cart in orders were older than their budget.",
            )
            .resolved(160)
        };
        vec![
            stale_and_fresh("job", "orders", "billing"),
            stale_and_fresh("namespace", "production", "staging"),
            stale("10", "the text format"),
            stale("10.0", "OpenMetrics"),
            AlertTest::of(
                "DataStalerThanBudget",
                "data that must not be stale comes from its source",
            )
            .series(BUDGET, "0x60")
            .series(&bucket("10"), "0x60")
            .series(ALL, "0+60x60")
            .transient(60),
        ]
    }
}

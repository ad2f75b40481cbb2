//! Data that is older than it may be, in both spellings of a bucket's bound.

use crate::observability::alerts::drill::Drill;

const BUDGET: &str = r#"data_staleness_budget_seconds{job="orders",instance="a",data_type="cart"}"#;
const ALL: &str = r#"data_served_age_seconds_count{job="orders",instance="a",data_type="cart"}"#;

pub(in super::super) fn drills() -> Vec<Drill> {
    let bucket = |le: &str| {
        format!(
            r#"data_served_age_seconds_bucket{{job="orders",instance="a",data_type="cart",le="{le}"}}"#
        )
    };
    // A budget of 8 s falls in the bucket of 10 s.
    let stale = |le: &str, spelling: &str| {
        Drill::of(
            "DataStalerThanBudget",
            format!("a slow source, with bounds as in {spelling}"),
        )
        .series(BUDGET, "8x180")
        .series(&bucket("5"), "0+60x180")
        .series(&bucket(le), "0+60x20 1259+60x39 3659+54x60 6959+60x60")
        .series(ALL, "0+60x180")
        .blip(30)
        .fires(
            110,
            &[("job", "orders"), ("data_type", "cart")],
            "10% of the reads of cart in orders were older than their budget.",
        )
        .resolved(160)
    };
    vec![
        stale("10", "the text format"),
        stale("10.0", "OpenMetrics"),
        Drill::of(
            "DataStalerThanBudget",
            "what may not be stale at all comes from its source",
        )
        .series(BUDGET, "0x60")
        .series(&bucket("10"), "0x60")
        .series(ALL, "0+60x60")
        .blip(60),
    ]
}

//! Data that is older than it may be, in both spellings of a bucket's bound.

use crate::alerts::alert_test::AlertTest;

const BUDGET: &str = r#"data_staleness_budget_seconds{job="orders",instance="a",data_type="cart"}"#;
const ALL: &str = r#"data_served_age_seconds_count{job="orders",instance="a",data_type="cart"}"#;

/// Two services have data of one name: that of the first is stale, and that of the second, which is read a hundred times as often
/// and may be older, is fresh.
fn beside(label: &'static str, ill: &str, well: &str) -> AlertTest {
    let of = |metric: &str, service: &str, more: &str| {
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
    let test = [(ill, "8", "0x90", 60), (well, "50", "0+6000x90", 6_000)]
        .into_iter()
        .fold(test, |test, (service, budget, fresh, reads)| {
            let bucket = |le: &str| {
                of(
                    "data_served_age_seconds_bucket",
                    service,
                    &format!(r#",le="{le}""#),
                )
            };
            test.series(
                &of("data_staleness_budget_seconds", service, ""),
                format!("{budget}x90"),
            )
            .series(&bucket("10"), fresh)
            .series(&bucket("60"), format!("0+{reads}x90"))
            .series(
                &of("data_served_age_seconds_count", service, ""),
                format!("0+{reads}x90"),
            )
        });
    let labels = [
        ("namespace", "production"),
        ("job", "orders"),
        ("data_type", "cart"),
    ];
    // And no other.
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
    // A budget of 8 s falls in the bucket of 10 s.
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
        beside("job", "orders", "billing"),
        beside("namespace", "production", "staging"),
        stale("10", "the text format"),
        stale("10.0", "OpenMetrics"),
        AlertTest::of(
            "DataStalerThanBudget",
            "what may not be stale at all comes from its source",
        )
        .series(BUDGET, "0x60")
        .series(&bucket("10"), "0x60")
        .series(ALL, "0+60x60")
        .transient(60),
    ]
}

//! Tests of new series with failures, separate services, and few failures.

use super::{ALL, DECLARED, FAILED, FAST, TARGET, declared};
use crate::alerts::alert_test::AlertTest;

const AVAILABILITY: &str = "HttpAvailabilityBudgetBurn";
const LATENCY: &str = "HttpLatencyBudgetBurn";
/// The labels of the page with the fastest burn rate.
const PAGES: [(&str, &str); 3] = [("long", "1h"), ("job", "orders"), ("severity", "critical")];

pub(in super::super::super) fn all() -> Vec<AlertTest> {
    let mut alert_tests = vec![
        routes(),
        pods(),
        slow_pods(),
        production_and_staging("namespace"),
        production_and_staging("cluster"),
    ];
    alert_tests.extend(failure_counts());
    alert_tests.push(cold_cache());
    alert_tests.extend(["Vx5 stale Vx25", "Vx5 _x10 Vx20", "_x5 Vx25"].map(scrape_gap));
    alert_tests
}

/// Twelve routes of a service fail three times each, within one minute.
fn routes() -> AlertTest {
    let test = AlertTest::of(AVAILABILITY, "12 routes with three failures each")
        .process(TARGET, 0, "Vx60")
        .series(ALL, "0+10x60");
    let test = (0..12).fold(declared(test), |test, route| {
        let series = FAILED.replace("instance=", &format!("http_route=\"/{route}\",instance="));
        test.series(&series, "_x30 3x30")
    });
    test.transient(29).firing(34, &PAGES)
}

/// The labels of a pod's target.
fn pod(number: u32) -> String {
    format!("job=\"orders\",instance=\"pod-{number}\"")
}

/// Adds 40 pods, each started half a minute before its first scrape.
fn with_started_pods(test: AlertTest) -> AlertTest {
    (0..40).fold(test, |test, number| {
        test.process(&pod(number), 1_770, "_x30 Vx30")
    })
}

fn pods() -> AlertTest {
    let test = AlertTest::of(AVAILABILITY, "40 pods that fail before their first scrape")
        .process(TARGET, 0, "Vx60")
        .series(ALL, "0+60x60");
    let test = (0..40).fold(with_started_pods(declared(test)), |test, number| {
        test.series(&FAILED.replace(TARGET, &pod(number)), "_x30 10x30")
    });
    test.transient(29).firing(34, &PAGES)
}

fn slow_pods() -> AlertTest {
    let test = AlertTest::of(LATENCY, "40 pods that are slow before their first scrape")
        .process(TARGET, 0, "Vx60")
        .series(ALL, "0+60x60")
        .series(FAST, "0+60x60");
    let test = (0..40).fold(with_started_pods(declared(test)), |test, number| {
        test.series(&ALL.replace(TARGET, &pod(number)), "_x30 60x30")
            .series(&FAST.replace(TARGET, &pod(number)), "_x30 4x30")
    });
    test.transient(29).firing(34, &PAGES)
}

/// Production fails, and staging is healthy with a hundred times its traffic.
fn production_and_staging(label: &'static str) -> AlertTest {
    let of =
        |series: &str, value: &str| series.replace("job=", &format!("{label}=\"{value}\",job="));
    let test = AlertTest::of(
        AVAILABILITY,
        format!("production, beside staging in another {label}"),
    )
    .process(&of(TARGET, "production"), 0, "Vx60")
    .process(&of(TARGET, "staging"), 0, "Vx60")
    .series(&of(FAILED, "production"), "0x20 0+300x40")
    .series(&of(ALL, "staging"), "0+30000x60")
    .series(DECLARED[0], "0.999x60");
    let production = [PAGES[0], PAGES[1], PAGES[2], (label, "production")];
    test.transient(19)
        .firing(40, &production)
        .resolved_only(40, label, "staging")
}

/// Nine failures never fire, and 13 within five minutes do, in any series.
fn failure_counts() -> Vec<AlertTest> {
    let of = |failures: u32, values: String, how: &str| {
        let name = format!("{failures} failures {how}, of 60 requests an hour");
        let test = AlertTest::of(AVAILABILITY, name)
            .process(TARGET, -36_000, "Vx60")
            .series(ALL, "0+1x60")
            .series(FAILED, values);
        declared(test).transient(29)
    };
    let quiet = |test: AlertTest| (30..60).fold(test, AlertTest::transient);
    let one_by_one = |failures: u32| format!("0x30 0+1x{failures} {failures}x30");
    let at_once = |failures: u32| format!("_x31 {failures}x30");
    let of_an_old_series = |failures: u32| format!("7x30 {}x30", 7 + failures);
    vec![
        quiet(of(9, one_by_one(9), "one by one")),
        quiet(of(9, at_once(9), "in a new series")),
        quiet(of(9, of_an_old_series(9), "in an old series")),
        of(13, at_once(13), "in a new series").firing(34, &PAGES),
        of(13, of_an_old_series(13), "in an old series").firing(34, &PAGES),
        // One failure every three minutes, without an end.
        of(15, "0x10 0+0.34x50".to_owned(), "that go on")
            .transient(35)
            .firing(55, &PAGES),
    ]
}

/// One request every two minutes, all of them slow for ten minutes after a deploy.
fn cold_cache() -> AlertTest {
    let test = AlertTest::of(LATENCY, "a cold cache, with 30 requests an hour")
        .process(TARGET, 0, "Vx180")
        .series(ALL, "0+0.5x180")
        .series(FAST, "0+0.5x60 30x10 30+0.5x110");
    [62, 66, 70, 74, 80, 90, 120]
        .into_iter()
        .fold(declared(test), AlertTest::transient)
}

/// No new failures, and scrapes with gaps.
fn scrape_gap(scrapes: &str) -> AlertTest {
    let test = AlertTest::of(
        AVAILABILITY,
        format!("no new failure, and scrapes as in {scrapes}"),
    )
    .process(TARGET, -36_000, scrapes)
    .series(ALL, scrapes.replace('V', "5000"))
    .series(FAILED, scrapes.replace('V', "500"));
    (1..30)
        .step_by(2)
        .fold(declared(test), AlertTest::transient)
}

//! Failures that a new series begins with, services beside each other, and how few failures fire.

use super::{ALL, DECLARED, FAILED, FAST, TARGET, declared};
use crate::alerts::drill::Drill;

const AVAILABILITY: &str = "HttpAvailabilityBudgetBurn";
const LATENCY: &str = "HttpLatencyBudgetBurn";
/// The fastest of those that page.
const PAGES: [(&str, &str); 3] = [("long", "1h"), ("job", "orders"), ("severity", "critical")];

pub(in super::super::super) fn drills() -> Vec<Drill> {
    let mut drills = vec![
        routes(),
        pods(),
        slow_pods(),
        beside("namespace"),
        beside("cluster"),
    ];
    drills.extend(fewest());
    drills.push(cold_cache());
    drills.extend(["Vx5 stale Vx25", "Vx5 _x10 Vx20", "_x5 Vx25"].map(gap));
    drills
}

/// Twelve routes of a service fail three times each, within one minute and never again.
fn routes() -> Drill {
    let drill = Drill::of(AVAILABILITY, "12 routes with three failures each")
        .process(TARGET, 0, "Vx60")
        .series(ALL, "0+10x60");
    let drill = (0..12).fold(declared(drill), |drill, route| {
        let series = FAILED.replace("instance=", &format!("http_route=\"/{route}\",instance="));
        drill.series(&series, "_x30 3x30")
    });
    drill.blip(29).firing(34, &PAGES)
}

/// The target of one of many pods, each of which was started half a minute before its first scrape.
fn pod(number: u32) -> String {
    format!("job=\"orders\",instance=\"pod-{number}\"")
}

fn started(drill: Drill) -> Drill {
    (0..40).fold(drill, |drill, number| {
        drill.process(&pod(number), 1_770, "_x30 Vx30")
    })
}

fn pods() -> Drill {
    let drill = Drill::of(AVAILABILITY, "40 pods that fail before their first scrape")
        .process(TARGET, 0, "Vx60")
        .series(ALL, "0+60x60");
    let drill = (0..40).fold(started(declared(drill)), |drill, number| {
        drill.series(&FAILED.replace(TARGET, &pod(number)), "_x30 10x30")
    });
    drill.blip(29).firing(34, &PAGES)
}

fn slow_pods() -> Drill {
    let drill = Drill::of(LATENCY, "40 pods that are slow before their first scrape")
        .process(TARGET, 0, "Vx60")
        .series(ALL, "0+60x60")
        .series(FAST, "0+60x60");
    let drill = (0..40).fold(started(declared(drill)), |drill, number| {
        drill
            .series(&ALL.replace(TARGET, &pod(number)), "_x30 60x30")
            .series(&FAST.replace(TARGET, &pod(number)), "_x30 4x30")
    });
    drill.blip(29).firing(34, &PAGES)
}

/// Production fails, beside a staging with a hundred times its traffic, in one Prometheus.
fn beside(label: &'static str) -> Drill {
    let of =
        |series: &str, value: &str| series.replace("job=", &format!("{label}=\"{value}\",job="));
    let drill = Drill::of(
        AVAILABILITY,
        format!("production, beside a staging in another {label}"),
    )
    .process(&of(TARGET, "production"), 0, "Vx60")
    .process(&of(TARGET, "staging"), 0, "Vx60")
    .series(&of(FAILED, "production"), "0x20 0+300x40")
    .series(&of(ALL, "staging"), "0+30000x60")
    .series(DECLARED[0], "0.999x60");
    let production = [PAGES[0], PAGES[1], PAGES[2], (label, "production")];
    drill
        .blip(19)
        .firing(40, &production)
        .resolved_only(40, label, "staging")
}

/// Nine failures never fire, and 13 within five minutes always do, of an old series and of a new one.
fn fewest() -> Vec<Drill> {
    let of = |failures: u32, values: String, how: &str| {
        let name = format!("{failures} failures {how}, of 60 requests an hour");
        let drill = Drill::of(AVAILABILITY, name)
            .process(TARGET, -36_000, "Vx60")
            .series(ALL, "0+1x60")
            .series(FAILED, values);
        declared(drill).blip(29)
    };
    let quiet = |drill: Drill| (30..60).fold(drill, Drill::blip);
    let one_by_one = |failures: u32| format!("0x30 0+1x{failures} {failures}x30");
    let at_once = |failures: u32| format!("_x31 {failures}x30");
    let of_an_old_series = |failures: u32| format!("7x30 {}x30", 7 + failures);
    vec![
        quiet(of(9, one_by_one(9), "one by one")),
        quiet(of(9, at_once(9), "in a new series")),
        quiet(of(9, of_an_old_series(9), "in an old series")),
        of(13, at_once(13), "in a new series").firing(34, &PAGES),
        of(13, of_an_old_series(13), "in an old series").firing(34, &PAGES),
        // One every three minutes, which goes on.
        of(15, "0x10 0+0.34x50".to_owned(), "that go on")
            .blip(35)
            .firing(55, &PAGES),
    ]
}

/// A request every other minute, all of them slow for ten minutes after a deploy.
fn cold_cache() -> Drill {
    let drill = Drill::of(LATENCY, "a cold cache, with 30 requests an hour")
        .process(TARGET, 0, "Vx180")
        .series(ALL, "0+0.5x180")
        .series(FAST, "0+0.5x60 30x10 30+0.5x110");
    [62, 66, 70, 74, 80, 90, 120]
        .into_iter()
        .fold(declared(drill), Drill::blip)
}

/// A service has failed long ago, and only its scrapes have gaps.
fn gap(scrapes: &str) -> Drill {
    let drill = Drill::of(
        AVAILABILITY,
        format!("no new failure, and scrapes as in {scrapes}"),
    )
    .process(TARGET, -36_000, scrapes)
    .series(ALL, scrapes.replace('V', "5000"))
    .series(FAILED, scrapes.replace('V', "500"));
    (1..30).step_by(2).fold(declared(drill), Drill::blip)
}

//! How often things happened, in windows that are counted once and read by many alerts.
//!
//! `increase()` takes the first value of a series for its beginning, and so misses what a series counted before its first scrape:
//! the first failures of a route, of a pod, of a queue. What a series counted before is added here, where it certainly happened
//! within the window: the series was not there at the window's beginning although its process was, or the process is new itself.
//! Where neither is known, because Prometheus or a scrape failed, nothing is claimed.

use firstlight::metrics::catalog::PROCESS_START_TIME;

use super::{
    data, database, group::Group, recording::Record, runtime, slo, telemetry, timing::Timing,
    worker,
};
use crate::promql::{SERVICE, Selector, look_back, of_service, on_service, ours};

/// Every window that something is counted in.
const WINDOWS: [&str; 3] = ["5m", "15m", "1h"];

/// The recordings of each subject, after what they need to know of processes.
pub(super) fn group(timing: Timing) -> Group {
    Group::new("firstlight-counts")
        .about(
            "What happened, counted once for all alerts. A counter that is new counts with its first value, unless it may be older: \
             Prometheus has not seen its process at the window's beginning, and the process is not new.",
        )
        .every(slo::INTERVAL)
        .records(WINDOWS.into_iter().flat_map(|window| processes(window, timing)))
        .records(slo::requests(timing))
        .records(worker::counts())
        .records(database::counts())
        .records(data::counts())
        .records(runtime::counts())
        .records(telemetry::counts())
}

/// What is known of each process at the beginning of a window.
fn processes(window: &str, timing: Timing) -> [Record; 3] {
    let start = Selector::of(&PROCESS_START_TIME);
    let look_back = look_back(window);
    let instance = of_service(&["instance"]).join(", ");
    let on = on_service(&["instance"]);
    let first = format!("instance:process_start:first{window}");
    let continued = format!("instance:process_start:continued{window}");
    let oldest = timing.seconds(window) + timing.seconds(look_back);
    let because = |text| if window == WINDOWS[0] { text } else { "" };
    debug_assert!(SERVICE.iter().all(|label| instance.contains(label)));
    [
        Record::as_(&first)
            .because(because(
                "When the process started that the window begins with; that of a foreign exporter is of no interest.",
            ))
            .of(&[
                &format!("min by ({instance}) (min_over_time({start}[{window}]))"),
                &format!("and {on}"),
                &format!("last_over_time({}[{window}])", ours()),
            ]),
        Record::as_(&continued)
            .because(because("It was seen before: a counter that was not is new."))
            .of(&[
                &format!("{first} == {on}"),
                &format!("max by ({instance}) (last_over_time({start}[{look_back}] offset {window}))"),
            ]),
        Record::as_(format!("instance:process_start:known{window}"))
            .because(because("It was seen before, or is new itself, and all its counters with it."))
            .of(&[&continued, "or", &format!("{first} > time() - {oldest}")]),
    ]
}

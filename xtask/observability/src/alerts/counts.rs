//! Recorded event counts per window, which several alerts share.
//!
//! `increase()` ignores the first value of a series, and with it the events before the first scrape: the first failures of a
//! route, a pod or a queue. These rules record which processes are known at the start of a window. With them,
//! [`counted`](crate::promql::counted) adds the first value if all of its events happened within the window: the series was
//! absent at the start of the window although its process was seen, or the process itself is new. If neither is known, because
//! Prometheus or a scrape failed, the value is not added.

use firstlight::metrics::catalog::PROCESS_START_TIME;

use super::{
    data, database, group::Group, recording::Record, runtime, slo, telemetry, timing::Timing,
    worker,
};
use crate::promql::{
    SERVICE, Selector, firstlight_build_info, look_back, on_service, service_labels,
};

/// The windows in which events are counted.
const WINDOWS: [&str; 3] = ["5m", "15m", "1h"];

/// The recorded counts of all alerts, after the processes that they depend on.
pub(super) fn group(timing: Timing) -> Group {
    Group::new("firstlight-counts")
        .about(
            "Events per window, counted once for all alerts. The first value of a new counter is included, unless the counter may be \
             older than the window: Prometheus did not see its process at the start of the window, and the process is not new.",
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

/// The processes that are known, or new, at the start of a window.
fn processes(window: &str, timing: Timing) -> [Record; 3] {
    let start = Selector::of(&PROCESS_START_TIME);
    let look_back = look_back(window);
    let instance = service_labels(&["instance"]).join(", ");
    let on = on_service(&["instance"]);
    let first = format!("instance:process_start:first{window}");
    let continued = format!("instance:process_start:continued{window}");
    let oldest = timing.seconds(window) + timing.seconds(look_back);
    let because = |text| if window == WINDOWS[0] { text } else { "" };
    debug_assert!(SERVICE.iter().all(|label| instance.contains(label)));
    [
        Record::named(&first)
            .because(because(
                "The start time of the process at the start of the window. Only processes with firstlight are included.",
            ))
            .expr(&[
                &format!("min by ({instance}) (min_over_time({start}[{window}]))"),
                &format!("and {on}"),
                &format!("last_over_time({}[{window}])", firstlight_build_info()),
            ]),
        Record::named(&continued)
            .because(because("The process was seen before the window. A counter that was not seen before is therefore new."))
            .expr(&[
                &format!("{first} == {on}"),
                &format!("max by ({instance}) (last_over_time({start}[{look_back}] offset {window}))"),
            ]),
        Record::named(format!("instance:process_start:known{window}"))
            .because(because("The process was seen before the window, or it is new, and so are all of its counters."))
            .expr(&[&continued, "or", &format!("{first} > time() - {oldest}")]),
    ]
}

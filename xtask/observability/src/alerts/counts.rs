//! Recorded event counts per window, which several alerts share.
//!
//! `increase()` ignores the first value of a series. It therefore misses the events before the first scrape, such as the first
//! failures of a route, a pod or a queue. [`counted`](crate::promql::counted) adds the first value if all events in this value
//! happened within the window. That is certain in two cases: the process was seen before the window and the series was not, or
//! the process itself is new. The rules of this module record the processes of both cases. If neither case is certain, because
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

/// The recorded counts of all alerts, after the process records they use.
pub(super) fn group(timing: Timing) -> Group {
    Group::new("firstlight-counts")
        .about(
            "Events per window, counted once for all alerts. The first value of a counter is included if the counter is known to \
             be new: Prometheus saw its process before the window and the counter only within it, or the process itself is new.",
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

/// Records of the processes that were seen before a window or are new.
fn processes(window: &str, timing: Timing) -> [Record; 3] {
    let start = Selector::of(&PROCESS_START_TIME);
    let look_back = look_back(window);
    let instance = service_labels(&["instance"]).join(", ");
    let on = on_service(&["instance"]);
    let first = format!("instance:process_start:first{window}");
    let continued = format!("instance:process_start:continued{window}");
    let max_age = timing.seconds(window) + timing.seconds(look_back);
    // The comments are the same for each window, so only those of the first are written.
    let once = |text| if window == WINDOWS[0] { text } else { "" };
    // Without one of these labels, processes of two services would be merged.
    debug_assert!(SERVICE.iter().all(|label| instance.contains(label)));
    [
        Record::named(&first)
            .because(once(
                "The start time of the first process of each instance in the window. Only processes with firstlight are included.",
            ))
            .expr(&[
                &format!("min by ({instance}) (min_over_time({start}[{window}]))"),
                &format!("and {on}"),
                &format!("last_over_time({}[{window}])", firstlight_build_info()),
            ]),
        Record::named(&continued)
            .because(once("The process was seen before the window. A counter that was not seen before is therefore new."))
            .expr(&[
                &format!("{first} == {on}"),
                &format!("max by ({instance}) (last_over_time({start}[{look_back}] offset {window}))"),
            ]),
        Record::named(format!("instance:process_start:known{window}"))
            .because(once("Either the process was seen before the window, or it is new and so are all of its counters."))
            .expr(&[&continued, "or", &format!("{first} > time() - {max_age}")]),
    ]
}

//! The panels about the flight recorder, on the dashboard of the runtime.

use firstlight::metrics::catalog;

use super::{Panel, Target, Unit, query};
use crate::promql::{self, SERVICE, service_labels};

pub(super) fn panels() -> [Panel; 3] {
    [recorder_memory(), recorder_roots(), recorder_losses()]
}

fn recorder_memory() -> Panel {
    let used = promql::max(
        &SERVICE,
        query::selected(&catalog::RECORDER_USED).to_string(),
    );
    Panel::timeseries("Flight recorder: memory")
        .means("Memory of the flight recorder; of several instances, the largest.")
        .normally("Rises to its share of FIRSTLIGHT_RECORDER_BYTES, and stays there.")
        .otherwise("Always near the limit: older requests leave `/traces` early; raise it.")
        .unit(Unit::Bytes)
        .shows(Target::new(&query::legend("used"), used))
}

fn recorder_roots() -> Panel {
    let open = query::selected(&catalog::RECORDER_OPEN_ROOTS);
    let open = promql::sum(&SERVICE, open.to_string());
    Panel::timeseries("Flight recorder: open requests, jobs and runs")
        .means("Requests, jobs, runs and other root spans that are open, of all instances.")
        .normally("Follows the load.")
        .otherwise("Rises without load: something hangs. `/traces?open` says what it waits for.")
        .unit(Unit::Count)
        .shows(Target::new(&query::legend("open"), open))
}

fn recorder_losses() -> Panel {
    let lost = query::in_range(
        &service_labels(&["reason"]),
        &query::selected(&catalog::RECORDER_LOSSES),
    );
    Panel::timeseries("Flight recorder: not kept")
        .means("What the flight recorder did not keep, by reason.")
        .normally(
            "Under load some `eviction`: older requests make room for newer ones. A long request \
             loses its oldest records (`record_limit`) and the ends of long values (`value_limit`).",
        )
        .otherwise(
            "`root_limit`, `span_limit` or much `record_limit`: the recorder is too small for what \
             is open; raise FIRSTLIGHT_RECORDER_BYTES. `log_limit`: failures are too many for \
             FIRSTLIGHT_LOG_ON_FAILURE.",
        )
        .unit(Unit::Count)
        .shows(Target::new(
            &query::legend("{{reason}}"),
            query::top(10, lost),
        ))
}

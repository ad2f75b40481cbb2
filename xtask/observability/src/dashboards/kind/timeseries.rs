//! Time series: lines, or stacked areas.

use serde_json::{Value, json};

use super::legend;
use crate::dashboards::Thresholds;

pub(super) fn options() -> Value {
    json!({
        "legend": legend(),
        "tooltip": { "mode": "multi", "sort": "desc" },
    })
}

pub(super) fn custom(stacked: bool, thresholds: &Thresholds) -> Value {
    // The threshold of the alert is a dashed line in the graph.
    let line = if *thresholds == Thresholds::None {
        "off"
    } else {
        "dashed"
    };
    json!({
        "axisPlacement": "auto",
        "drawStyle": "line",
        "fillOpacity": if stacked { 40 } else { 8 },
        "lineInterpolation": "linear",
        "lineWidth": if stacked { 1 } else { 2 },
        "showPoints": "never",
        // No line across a gap in the data.
        "spanNulls": false,
        "stacking": { "group": "A", "mode": if stacked { "normal" } else { "none" } },
        "thresholdsStyle": { "mode": line },
    })
}

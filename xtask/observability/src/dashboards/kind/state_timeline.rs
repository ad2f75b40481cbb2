//! State timelines: one bar per series, colored by its state.

use serde_json::{Value, json};

pub(super) fn options() -> Value {
    json!({
        "alignValue": "left",
        "legend": { "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true },
        "mergeValues": true,
        "rowHeight": 0.8,
        "showValue": "never",
        "tooltip": { "mode": "single", "sort": "none" },
    })
}

pub(super) fn custom() -> Value {
    json!({ "fillOpacity": 80, "lineWidth": 0 })
}

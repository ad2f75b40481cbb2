//! Bar gauges: one bar per series, of its newest value.

use serde_json::{Value, json};

use super::newest;

pub(super) fn options() -> Value {
    json!({
        "displayMode": "basic",
        "legend": {
            "calcs": [],
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": false,
        },
        "maxVizHeight": 300,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "orientation": "horizontal",
        "reduceOptions": newest(),
        "showUnfilled": true,
        "sizing": "auto",
        "valueMode": "color",
    })
}

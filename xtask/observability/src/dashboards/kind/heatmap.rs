//! Heatmaps: the distribution of a histogram's samples over time.

use serde_json::{Value, json};

use crate::dashboards::Unit;

pub(super) fn options(unit: Unit) -> Value {
    json!({
        // The samples are already in buckets.
        "calculate": false,
        "cellGap": 1,
        "color": {
            "exponent": 0.5,
            "fill": "dark-orange",
            "mode": "scheme",
            "reverse": false,
            "scale": "exponential",
            "scheme": "Turbo",
            "steps": 64,
        },
        "exemplars": { "color": "rgba(255,255,255,0.7)" },
        // Cells without samples are not drawn. `le` is Grafana's operator, not the label.
        "filterValues": { "le": 1e-9 },
        "legend": { "show": true },
        "rowsFrame": { "layout": "auto" },
        "showValue": "never",
        "tooltip": { "mode": "single", "showColorScale": true, "yHistogram": true },
        "yAxis": { "axisPlacement": "left", "reverse": false, "unit": unit.id() },
    })
}

pub(super) fn custom() -> Value {
    json!({
        "hideFrom": { "legend": false, "tooltip": false, "viz": false },
        "scaleDistribution": { "type": "linear" },
    })
}

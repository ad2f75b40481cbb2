//! Stat panels: a number over a graph of its past, colored by its thresholds.

use serde_json::{Value, json};

use super::newest;
use crate::dashboards::{Panel, Thresholds};

pub(super) fn options(panel: &Panel) -> Value {
    // Without thresholds the background would always have the same color.
    let color = if panel.thresholds == Thresholds::None {
        "none"
    } else {
        "background"
    };
    json!({
        "colorMode": color,
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": newest(),
        "showPercentChange": false,
        "textMode": if panel.targets.len() > 1 { "value_and_name" } else { "auto" },
        "wideLayout": true,
    })
}

//! A number with a coloured background and its recent past behind it.

use serde_json::{Value, json};

use super::newest;
use crate::dashboards::{Panel, Thresholds};

pub(super) fn options(panel: &Panel) -> Value {
    // A background that never changes its colour says nothing.
    let colour = if panel.thresholds == Thresholds::None {
        "none"
    } else {
        "background"
    };
    json!({
        "colorMode": colour,
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

//! How a panel is drawn: Grafana's plugins, with the options that all our panels of that kind have.

mod bar_gauge;
mod heatmap;
mod stat;
mod state_timeline;
mod table;
mod timeseries;

use serde_json::{Value, json};

pub use table::Column;

use super::{Panel, Thresholds};

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Stat,
    Timeseries {
        /// Whether the series are parts of a whole.
        stacked: bool,
    },
    Heatmap,
    /// The labels that make a row, with their headings, and what is known of each row.
    Table(Vec<(&'static str, &'static str)>, Vec<Column>),
    StateTimeline,
    BarGauge,
}

impl Kind {
    /// Grafana's name for it.
    pub(super) fn plugin(&self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Timeseries { .. } => "timeseries",
            Self::Heatmap => "heatmap",
            Self::Table(..) => "table",
            Self::StateTimeline => "state-timeline",
            Self::BarGauge => "bargauge",
        }
    }

    /// In rows of Grafana's grid, each of which is 30 pixels.
    pub(super) fn height(&self) -> u32 {
        match self {
            Self::Stat => 4,
            Self::BarGauge | Self::StateTimeline => 7,
            Self::Timeseries { .. } | Self::Heatmap | Self::Table(..) => 9,
        }
    }

    pub(super) fn has_axis(&self) -> bool {
        matches!(self, Self::Timeseries { .. } | Self::BarGauge)
    }

    pub(super) fn options(&self, panel: &Panel) -> Value {
        match self {
            Self::Stat => stat::options(panel),
            Self::Timeseries { .. } => timeseries::options(),
            Self::Heatmap => heatmap::options(panel.unit),
            Self::Table(_, columns) => table::options(columns),
            Self::StateTimeline => state_timeline::options(),
            Self::BarGauge => bar_gauge::options(),
        }
    }

    pub(super) fn custom(&self, thresholds: &Thresholds) -> Value {
        match self {
            Self::Timeseries { stacked } => timeseries::custom(*stacked, thresholds),
            Self::Heatmap => heatmap::custom(),
            Self::Table(..) => table::custom(),
            Self::StateTimeline => state_timeline::custom(),
            Self::Stat | Self::BarGauge => json!({}),
        }
    }

    /// Single values have the colour of the threshold that they are above; many series have one each.
    pub(super) fn colour(&self, thresholds: &Thresholds) -> Value {
        let mode = match (self, thresholds) {
            (Self::Timeseries { .. }, _) | (Self::BarGauge, Thresholds::None) => {
                "palette-classic-by-name"
            }
            _ => "thresholds",
        };
        json!({ "mode": mode })
    }

    pub(super) fn overrides(&self) -> Vec<Value> {
        match self {
            Self::Table(_, columns) => columns.iter().map(Column::override_).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn transformations(&self) -> Vec<Value> {
        match self {
            Self::Table(keys, columns) => table::transformations(keys, columns),
            _ => Vec::new(),
        }
    }
}

/// What the legend says of each series: the newest value, the largest and the mean, the series with the largest first.
fn legend() -> Value {
    json!({
        "calcs": ["lastNotNull", "max", "mean"],
        "displayMode": "table",
        "placement": "bottom",
        "showLegend": true,
        "sortBy": "Max",
        "sortDesc": true,
    })
}

/// The newest value that is a number.
fn newest() -> Value {
    json!({ "calcs": ["lastNotNull"], "fields": "", "values": false })
}

//! Kinds of panels: Grafana's plugins, each with its fixed options.

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
        /// Whether the areas are stacked, as parts of a whole.
        stacked: bool,
    },
    Heatmap,
    /// The labels that identify a row, with their headings, and the other columns.
    Table(Vec<(&'static str, &'static str)>, Vec<Column>),
    StateTimeline,
    BarGauge,
}

impl Kind {
    /// Grafana's name of the plugin.
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

    /// The height in rows of Grafana's grid, of 30 pixels each.
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

    /// Grafana's `custom` options, which the plugin defines for its fields.
    pub(super) fn custom(&self, thresholds: &Thresholds) -> Value {
        match self {
            Self::Timeseries { stacked } => timeseries::custom(*stacked, thresholds),
            Self::Heatmap => heatmap::custom(),
            Self::Table(..) => table::custom(),
            Self::StateTimeline => state_timeline::custom(),
            Self::Stat | Self::BarGauge => json!({}),
        }
    }

    /// The color mode: by threshold, or by the name of the series.
    ///
    /// Time series are colored by name, and so are bar gauges without thresholds.
    pub(super) fn color(&self, thresholds: &Thresholds) -> Value {
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

/// The legend: newest value, maximum and mean, sorted by the maximum.
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

/// Reduces a series to its newest value that is not null.
fn newest() -> Value {
    json!({ "calcs": ["lastNotNull"], "fields": "", "values": false })
}

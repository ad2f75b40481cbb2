//! Annotations: vertical lines in every graph that mark starts and alerts.

use firstlight::metrics::catalog;
use serde_json::{Value, json};

use super::{Color, datasource, query};
use crate::promql::{Selector, on_service};

/// A kind of event that may explain a change in a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Annotation {
    /// Starts of processes, with the version: deploys and restarts after crashes.
    Starts,
    /// Firing alerts of the selected services.
    Alerts,
}

impl Annotation {
    pub(crate) const ALL: [Self; 2] = [Self::Starts, Self::Alerts];

    pub(crate) fn expr(self) -> String {
        match self {
            // Grafana takes the time of the event from the value, in milliseconds.
            Self::Starts => format!(
                "1000 * {} * {} group_left (version) {}",
                query::selected(&catalog::PROCESS_START_TIME),
                on_service(&["instance"]),
                query::selected(&catalog::BUILD_INFO),
            ),
            // By service only, because most alerts concern a whole service and have no `instance`.
            Self::Alerts => Selector::foreign("ALERTS")
                .is("alertstate", "firing")
                .of_selected_services()
                .to_string(),
        }
    }

    pub(super) fn json(self) -> Value {
        let (name, color, title, text, tags, value_is_time) = match self {
            Self::Starts => (
                "Starts",
                Color::Blue,
                "{{job}} started",
                "{{instance}}, version {{version}}",
                "job,version",
                true,
            ),
            Self::Alerts => (
                "Firing alerts",
                Color::Red,
                "{{alertname}}",
                "{{severity}}",
                "alertname,severity",
                false,
            ),
        };
        json!({
            "datasource": datasource(),
            "enable": true,
            "expr": self.expr(),
            "hide": false,
            "iconColor": color.name(),
            "name": name,
            "tagKeys": tags,
            "textFormat": text,
            "titleFormat": title,
            "useValueForTime": value_is_time,
        })
    }
}

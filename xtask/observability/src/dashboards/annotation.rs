//! What else happened at that time: vertical lines in every graph.

use firstlight::metrics::catalog;
use serde_json::{Value, json};

use super::{Colour, datasource, query};
use crate::promql::{Selector, on_service};

/// Events that explain a change in a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Annotation {
    /// A process started, with its version: deploys, and crashes that look like them.
    Starts,
    /// An alert of the chosen services fires.
    Alerts,
}

impl Annotation {
    pub(crate) const ALL: [Self; 2] = [Self::Starts, Self::Alerts];

    pub(crate) fn expr(self) -> String {
        match self {
            Self::Starts => format!(
                "1000 * {} * {} group_left (version) {}",
                query::of(&catalog::PROCESS_START_TIME),
                on_service(&["instance"]),
                query::of(&catalog::BUILD_INFO),
            ),
            // Most alerts are about a service as a whole and have no instance.
            Self::Alerts => Selector::foreign("ALERTS")
                .is("alertstate", "firing")
                .of_chosen_service()
                .to_string(),
        }
    }

    pub(super) fn json(self) -> Value {
        let (name, colour, title, text, tags, value_is_time) = match self {
            Self::Starts => (
                "Starts",
                Colour::Blue,
                "{{job}} started",
                "{{instance}}, version {{version}}",
                "job,version",
                true,
            ),
            Self::Alerts => (
                "Firing alerts",
                Colour::Red,
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
            "iconColor": colour.name(),
            "name": name,
            "tagKeys": tags,
            "textFormat": text,
            "titleFormat": title,
            "useValueForTime": value_is_time,
        })
    }
}

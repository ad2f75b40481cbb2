//! The dashboard that an alert links to, filtered by the labels of the alert.

use crate::addresses::GRAFANA;

/// One of the dashboards in `docs/dashboards`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Board {
    Overview,
    Database,
    Worker,
    Cron,
    Runtime,
    Slo,
    Freshness,
}

/// The uids of all dashboards, which alerts and runbooks may name.
pub(crate) const UIDS: [&str; 8] = [
    "firstlight-overview",
    "firstlight-route",
    "firstlight-database",
    "firstlight-worker",
    "firstlight-cron",
    "firstlight-runtime",
    "firstlight-slo",
    "firstlight-freshness",
];

impl Board {
    fn uid(self) -> &'static str {
        match self {
            Self::Overview => UIDS[0],
            Self::Database => UIDS[2],
            Self::Worker => UIDS[3],
            Self::Cron => UIDS[4],
            Self::Runtime => UIDS[5],
            Self::Slo => UIDS[6],
            Self::Freshness => UIDS[7],
        }
    }

    /// The dashboard's own variable, and the label that fills it.
    fn variable(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Worker => Some(("queue", "queue")),
            Self::Cron => Some(("cron", "cron")),
            Self::Freshness => Some(("data_type", "data_type")),
            Self::Overview | Self::Database | Self::Runtime | Self::Slo => None,
        }
    }

    /// The address, as a template over labels of the alert.
    ///
    /// It contains only labels that `description` names, because an empty variable would select nothing. Namespace and
    /// cluster are included if the service has them.
    pub(super) fn url(self, description: &str) -> String {
        let variables = [Some(("job", "job")), self.variable()];
        let template = |label: &str| format!("{{{{ $labels.{label} }}}}");
        let known = variables
            .into_iter()
            .flatten()
            .filter(|(_, label)| description.contains(&template(label)));
        let mut known: Vec<_> = known
            .map(|(variable, label)| format!("var-{variable}={}", template(label)))
            .collect();
        if known.is_empty() {
            return format!("{GRAFANA}/d/{}", self.uid());
        }
        if let Some(last) = known.last_mut() {
            for label in ["namespace", "cluster"] {
                *last +=
                    &format!("{{{{ with $labels.{label} }}}}&var-{label}={{{{ . }}}}{{{{ end }}}}");
            }
        }
        format!("{GRAFANA}/d/{}?{}", self.uid(), known.join("&"))
    }
}

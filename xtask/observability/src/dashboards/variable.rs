//! What can be chosen at the top of a dashboard.

use firstlight::metrics::catalog::{self, Metric};
use serde_json::{Value, json};

use super::datasource;
use crate::promql::Selector;

/// Everything, of the labels that Prometheus gives to every series. The linter of Grafana insists on it.
const SOMETHING: &str = ".+";
/// Everything, of labels that some series do not have: a target outside Kubernetes has no `namespace`, and a request that no
/// route matched has no `http_route`.
const ANYTHING: &str = ".*";

/// One choice.
#[derive(Debug, Clone)]
pub enum Variable {
    /// The Prometheus to ask.
    DataSource,
    /// Values of a label.
    Label(Label),
}

/// A variable with the values of a label.
#[derive(Debug, Clone)]
pub struct Label {
    name: &'static str,
    title: &'static str,
    query: String,
    all: &'static str,
    hidden: bool,
}

impl Variable {
    /// Those that every dashboard has: the Prometheus, what identifies a service, and its instance; `present` is there wherever there is something to see.
    pub(super) fn common(present: &Selector) -> Vec<Self> {
        let labels = [
            ("cluster", "Cluster", ANYTHING),
            ("namespace", "Namespace", ANYTHING),
            ("job", "Job", SOMETHING),
            ("instance", "Instance", SOMETHING),
        ];
        let mut variables = vec![Self::DataSource];
        let mut chosen = present.clone();
        for (name, title, all) in labels {
            variables.push(Self::Label(Label {
                name,
                title,
                query: format!("label_values({chosen}, {name})"),
                all,
                hidden: false,
            }));
            // Each offers what there is in the choice of those before it.
            chosen = chosen.matches(name, &format!("${name}"));
        }
        variables
    }

    /// One of the dashboard's own: the values of `label` that `metric` has in the chosen services.
    pub(crate) fn of(
        name: &'static str,
        title: &'static str,
        label: &str,
        metric: &Metric,
    ) -> Self {
        let selector = Selector::of(metric);
        let selector = match metric.kind {
            catalog::Kind::Histogram => selector.count(),
            _ => selector,
        };
        Self::among(name, title, label, selector.chosen())
    }

    /// One of the dashboard's own: the values of `label` in these series.
    pub(crate) fn among(
        name: &'static str,
        title: &'static str,
        label: &str,
        series: Selector,
    ) -> Self {
        Self::Label(Label {
            name,
            title,
            query: format!("label_values({series}, {label})"),
            all: ANYTHING,
            hidden: false,
        })
    }

    /// One that is not there to be chosen, for links; it has a single value.
    pub(crate) fn hidden(name: &'static str, query: &str) -> Self {
        Self::Label(Label {
            name,
            title: name,
            query: query.to_owned(),
            all: SOMETHING,
            hidden: true,
        })
    }

    /// The name, as queries spell it.
    pub fn name(&self) -> &str {
        match self {
            Self::DataSource => "datasource",
            Self::Label(label) => label.name,
        }
    }

    /// What it stands for while nothing is chosen; the data source is no part of a query.
    pub fn all(&self) -> Option<&str> {
        match self {
            Self::DataSource => None,
            Self::Label(label) => Some(label.all),
        }
    }

    /// Where its values come from.
    pub fn query(&self) -> Option<&str> {
        match self {
            Self::DataSource => None,
            Self::Label(label) => Some(&label.query),
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::DataSource => json!({
                // The default data source, until another is chosen.
                "current": { "selected": false, "text": "default", "value": "default" },
                "hide": 0,
                "includeAll": false,
                "label": "Data Source",
                "multi": false,
                "name": "datasource",
                "options": [],
                "query": "prometheus",
                "refresh": 1,
                "regex": "",
                "skipUrlSync": false,
                "type": "datasource",
            }),
            Self::Label(label) => label.json(),
        }
    }
}

impl Label {
    fn json(&self) -> Value {
        let current = if self.hidden {
            json!({ "selected": false, "text": "", "value": "" })
        } else {
            json!({ "selected": true, "text": ["All"], "value": ["$__all"] })
        };
        json!({
            "allValue": self.all,
            "current": current,
            "datasource": datasource(),
            "hide": if self.hidden { 2 } else { 0 },
            "includeAll": !self.hidden,
            "label": self.title,
            "multi": !self.hidden,
            "name": self.name,
            "options": [],
            "query": self.query,
            // When the time range changes: the services of last week may not be today's.
            "refresh": 2,
            "regex": "",
            "skipUrlSync": false,
            "sort": 1,
            "type": "query",
        })
    }
}

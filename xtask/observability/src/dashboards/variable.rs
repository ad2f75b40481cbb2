//! Variables, which users set at the top of a dashboard.

use firstlight::metrics::catalog::{self, Metric};
use serde_json::{Value, json};

use super::datasource;
use crate::promql::Selector;

/// Matches all values of labels that Prometheus adds to every series.
///
/// Grafana's dashboard-linter requires this pattern.
const NON_EMPTY: &str = ".+";
/// Matches all values of labels that series may lack.
///
/// A target outside Kubernetes has no `namespace`, and a request without a matching route has no
/// `http_route`.
const ANY_VALUE: &str = ".*";

/// A variable of a dashboard.
#[derive(Debug, Clone)]
pub enum Variable {
    /// The Prometheus data source.
    DataSource,
    /// The values of a label.
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
    /// The variables of every dashboard: data source, labels of the service, instance.
    ///
    /// `present` selects series that every service with data on the dashboard has. The variables
    /// offer the labels of these series.
    pub(super) fn common(present: &Selector) -> Vec<Self> {
        let labels = [
            ("cluster", "Cluster", ANY_VALUE),
            ("namespace", "Namespace", ANY_VALUE),
            ("job", "Job", NON_EMPTY),
            ("instance", "Instance", NON_EMPTY),
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
            // Each variable offers the values within the selection of the preceding ones.
            chosen = chosen.matches(name, &format!("${name}"));
        }
        variables
    }

    /// A variable with the values of `label` of a metric in the selected services.
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
        Self::among(name, title, label, selector.selected())
    }

    /// A variable with the values of `label` in these series.
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
            all: ANY_VALUE,
            hidden: false,
        })
    }

    /// A hidden variable with a single value, for links.
    pub(crate) fn hidden(name: &'static str, query: &str) -> Self {
        Self::Label(Label {
            name,
            title: name,
            query: query.to_owned(),
            all: NON_EMPTY,
            hidden: true,
        })
    }

    /// The name in queries.
    pub fn name(&self) -> &str {
        match self {
            Self::DataSource => "datasource",
            Self::Label(label) => label.name,
        }
    }

    /// The pattern while all values are selected, or `None` for the data source.
    pub fn all(&self) -> Option<&str> {
        match self {
            Self::DataSource => None,
            Self::Label(label) => Some(label.all),
        }
    }

    /// The query for the values, or `None` for the data source.
    pub fn query(&self) -> Option<&str> {
        match self {
            Self::DataSource => None,
            Self::Label(label) => Some(&label.query),
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::DataSource => json!({
                // The default data source is selected at first.
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
            // On a change of the time range, because the services of last week may differ from
            // today's.
            "refresh": 2,
            "regex": "",
            "skipUrlSync": false,
            "sort": 1,
            "type": "query",
        })
    }
}

//! Links between dashboards and to runbooks.
//!
//! Links between dashboards keep the time range and the variables.

use serde_json::{Value, json};

use crate::addresses;

/// The tag of all firstlight dashboards, which the menu of dashboards selects.
pub(super) const TAG: &str = "firstlight";

/// A link at the top of a dashboard.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    /// A menu of all firstlight dashboards.
    Dashboards,
    /// A link to one address, with a tooltip.
    Page {
        title: String,
        tooltip: String,
        url: String,
    },
}

impl Link {
    /// A link to one address, which keeps the time range.
    pub(crate) fn page(title: &str, tooltip: &str, url: &str) -> Self {
        Self::Page {
            title: title.to_owned(),
            tooltip: tooltip.to_owned(),
            url: url.to_owned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Dashboards => json!({
                "asDropdown": true,
                "icon": "external link",
                "includeVars": true,
                "keepTime": true,
                "tags": [TAG],
                "targetBlank": false,
                "title": "Dashboards",
                "tooltip": "The same service and the same time in another dashboard",
                "type": "dashboards",
                "url": "",
            }),
            Self::Page {
                title,
                tooltip,
                url,
            } => page(title, tooltip, url, Opens::SameTab),
        }
    }
}

/// The link in the corner of a panel to its runbook.
pub(super) fn runbook(alert: &str) -> Value {
    let title = format!("Runbook: {alert}");
    page(
        &title,
        "What it means, and what to do",
        &addresses::runbook(alert),
        Opens::NewTab,
    )
}

/// Where a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opens {
    /// In the same tab, with the same time range.
    SameTab,
    /// In a new tab, so that the panel stays visible.
    NewTab,
}

fn page(title: &str, tooltip: &str, url: &str, opens: Opens) -> Value {
    json!({
        "asDropdown": false,
        "icon": "doc",
        "includeVars": false,
        "keepTime": opens == Opens::SameTab,
        "tags": [],
        "targetBlank": opens == Opens::NewTab,
        "title": title,
        "tooltip": tooltip,
        "type": "link",
        "url": url,
    })
}

/// The services that a link on a value selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    /// The services that the dashboard's variable selects.
    Selected,
    /// The service of the row of the table.
    OfRow,
}

impl Job {
    /// The parameter in the address of the link.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Self::Selected => "${job:queryparam}",
            Self::OfRow => "var-job=${__data.fields.Service}",
        }
    }
}

/// A data link: a click on a value opens the dashboard `uid`.
///
/// `more` is added to the query string.
pub(super) fn detail(title: &str, uid: &str, job: Job, more: &str) -> Value {
    let job = job.parameter();
    let url = format!(
        "/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}\
         &${{cluster:queryparam}}&${{namespace:queryparam}}&{job}&${{instance:queryparam}}{more}"
    );
    json!({ "targetBlank": false, "title": title, "url": url })
}

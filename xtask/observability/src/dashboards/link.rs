//! Ways from one page to the next, none of which loses the time range or what has been chosen.

use serde_json::{Value, json};

use super::runbook;

/// The tag that all our dashboards have, and by which they find each other.
pub(super) const TAG: &str = "firstlight";

/// A way out of a dashboard, at its top.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    /// A menu of all our dashboards.
    Dashboards,
    /// One page, with a word on why.
    Page {
        title: String,
        tooltip: String,
        url: String,
    },
}

impl Link {
    /// One page; the time range goes along.
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
            } => page(title, tooltip, url, Opens::Here),
        }
    }
}

/// The link in a panel's corner to what to do about it.
pub(super) fn runbook(alert: &str) -> Value {
    let title = format!("Runbook: {alert}");
    page(
        &title,
        "What it means, and what to do",
        &runbook::address(alert),
        Opens::Beside,
    )
}

/// Where a page opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opens {
    /// In place of this one, with the same time range.
    Here,
    /// In a tab of its own, so that the panel stays in sight.
    Beside,
}

fn page(title: &str, tooltip: &str, url: &str, opens: Opens) -> Value {
    json!({
        "asDropdown": false,
        "icon": "doc",
        "includeVars": false,
        "keepTime": opens == Opens::Here,
        "tags": [],
        "targetBlank": opens == Opens::Beside,
        "title": title,
        "tooltip": tooltip,
        "type": "link",
        "url": url,
    })
}

/// The service that a link on a value goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    /// All that are chosen.
    Chosen,
    /// The one of the table's row.
    OfRow,
}

impl Job {
    /// Its parameter in the address.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Self::Chosen => "${job:queryparam}",
            Self::OfRow => "var-job=${__data.fields.Service}",
        }
    }
}

/// A link on values, to the dashboard `uid`, with `more` in its query.
pub(super) fn detail(title: &str, uid: &str, job: Job, more: &str) -> Value {
    let job = job.parameter();
    let url = format!(
        "/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}\
         &${{cluster:queryparam}}&${{namespace:queryparam}}&{job}&${{instance:queryparam}}{more}"
    );
    json!({ "targetBlank": false, "title": title, "url": url })
}

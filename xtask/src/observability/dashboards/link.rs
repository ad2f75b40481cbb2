//! Ways from one page to the next, none of which loses the time range or what has been chosen.

use serde_json::{Value, json};

use super::Runbook;

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
pub(super) fn runbook(runbook: Runbook) -> Value {
    let title = format!("Runbook: {}", runbook.name());
    page(
        &title,
        "What it means, and what to do",
        &runbook.url(),
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

/// A link on values, to the dashboard `uid`, with `more` in its query.
pub(super) fn detail(title: &str, uid: &str, more: &str) -> Value {
    let url = format!(
        "/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}\
         &${{job:queryparam}}&${{instance:queryparam}}{more}"
    );
    json!({ "targetBlank": false, "title": title, "url": url })
}

//! The pages that say what to do, one per alert.

use crate::addresses::RUNBOOKS;

/// Where the page of this alert is read.
pub(crate) fn address(alert: &str) -> String {
    format!("{}/{alert}.md", *RUNBOOKS)
}

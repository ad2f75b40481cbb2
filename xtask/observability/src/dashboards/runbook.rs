//! The addresses of runbooks, one per alert.

use crate::addresses::RUNBOOKS;

/// The address of the runbook of this alert.
pub(crate) fn address(alert: &str) -> String {
    format!("{}/{alert}.md", *RUNBOOKS)
}

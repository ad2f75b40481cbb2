//! Who answers, so that the answers of several replicas are told apart.

use serde_json::{Value, json};

use super::time;
use crate::status::Status;

/// The service and the instance that answer.
#[derive(Debug)]
pub(super) struct Identity<'a> {
    pub(super) service: &'a str,
    pub(super) version: &'a str,
    /// The revision of the source; empty if it is not known.
    pub(super) revision: &'a str,
    pub(super) instance: &'a str,
}

impl<'a> Identity<'a> {
    pub(super) fn of(status: &'a Status) -> Self {
        Self {
            service: status.resource("service.name"),
            version: status.resource("service.version"),
            revision: status.resource("vcs.ref.head.revision"),
            instance: status.resource("service.instance.id"),
        }
    }

    /// A line that names the instance and the time.
    pub(super) fn heading(&self) -> String {
        let now = time::date(time::now());
        let version = if self.version.is_empty() {
            ""
        } else {
            &format!(" {}", self.version)
        };
        format!(
            "{}{version}, instance {}, {now}\n",
            self.service, self.instance
        )
    }

    /// A JSON object with the version of its format, the instance and the time.
    pub(super) fn json(&self, format: u32) -> Value {
        json!({
            "format": format,
            "service": self.service,
            "version": self.version,
            "instance": self.instance,
            "time": time::date(time::now()),
        })
    }
}

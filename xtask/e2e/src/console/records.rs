//! Messages of the browser's console, and requests of the page.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::browser::Browser;

/// What the browser has recorded since the last look.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Messages of scripts and of the browser, each with its level.
    pub(super) messages: Vec<String>,
    /// The URLs of all requests.
    pub(super) requests: Vec<String>,
    /// The fields for which the page has asked for a file.
    pub(super) file_fields: Vec<Value>,
}

impl Records {
    /// Checks that there is no message.
    pub(super) fn check_silent(&self) -> anyhow::Result<()> {
        ensure!(
            self.messages.is_empty(),
            "the browser's console has messages:\n{}",
            self.messages.join("\n")
        );
        Ok(())
    }

    /// Checks that there are requests, and that all go to `admin`.
    ///
    /// It is an address such as `http://127.0.0.1:9464`.
    pub(super) fn check_hosts(&self, admin: &str) -> anyhow::Result<()> {
        ensure!(!self.requests.is_empty(), "the page has sent no request");
        let is_own = |url: &&String| {
            let rest = url.strip_prefix(admin);
            // Images in the page itself, and files that the page saves, are no requests to a host.
            rest.is_some_and(|rest| rest.starts_with('/'))
                || url.starts_with("data:")
                || url.starts_with("blob:")
        };
        let others: Vec<_> = self.requests.iter().filter(|url| !is_own(url)).collect();
        ensure!(others.is_empty(), "requests not to {admin}: {others:?}");
        Ok(())
    }
}

impl Browser {
    /// Takes what was recorded since the last call.
    pub(super) fn take_records(&self) -> anyhow::Result<Records> {
        self.read_records()?;
        Ok(self.records.take())
    }

    /// Reads what was recorded since the last look.
    ///
    /// It is kept for [`Browser::take_records`].
    pub(super) fn read_records(&self) -> anyhow::Result<()> {
        let mut records = self.records.borrow_mut();
        for entry in self.run(self.driver.get_log("browser"))? {
            let message = format!("{}: {}", entry.level, entry.message);
            records.messages.push(message);
        }
        for entry in self.run(self.driver.get_log("performance"))? {
            let event: Value = serde_json::from_str(&entry.message)
                .with_context(|| format!("found {}, expected JSON", entry.message))?;
            let event = &event["message"];
            let parameters = &event["params"];
            let url = match event["method"].as_str() {
                Some("Network.requestWillBeSent") => &parameters["request"]["url"],
                Some("Network.webSocketCreated") => &parameters["url"],
                Some("Page.fileChooserOpened") => {
                    records
                        .file_fields
                        .push(parameters["backendNodeId"].clone());
                    continue;
                }
                _ => continue,
            };
            let url = url.as_str().context("a request without a URL")?;
            records.requests.push(url.to_owned());
        }
        Ok(())
    }
}

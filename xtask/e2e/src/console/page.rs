//! What a person does with a page: opens, reads, waits, clicks and types.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use thirtyfour::{By, TypingData, WebElement};

use super::browser::Browser;

/// How long an expected change of the page may take.
///
/// The machine may be building meanwhile.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

impl Browser {
    /// Opens a URL.
    pub(super) fn open(&self, url: &str) -> anyhow::Result<()> {
        self.run(self.driver.goto(url))
            .with_context(|| url.to_owned())
    }

    /// Opens a view of the console, such as `now`, or `traces?section=failed`.
    pub(super) fn open_view(&self, admin: &str, view: &str) -> anyhow::Result<()> {
        self.open(&format!("{admin}/#/{view}"))
    }

    /// Reloads the page.
    pub(super) fn reload(&self) -> anyhow::Result<()> {
        self.run(self.driver.refresh())
    }

    /// The address in the address bar.
    pub(super) fn address(&self) -> anyhow::Result<String> {
        Ok(self.run(self.driver.current_url())?.into())
    }

    /// The text that a person can read on the page.
    pub(super) fn visible_text(&self) -> anyhow::Result<String> {
        let text = self.evaluate("document.body.innerText")?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Repeats `attempt` until it succeeds.
    ///
    /// # Errors
    ///
    /// The last error, if the deadline passes. The message has the text of the page and the path of a screenshot.
    pub(super) fn eventually<T>(
        &self,
        what: &str,
        mut attempt: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let until = Instant::now() + DEADLINE;
        loop {
            let error = match attempt() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if Instant::now() > until {
                let picture = self.folder.join("failure.png");
                // The error is more useful than the reason why there is no picture.
                let _ = self.screenshot(&picture);
                let text = self.visible_text().unwrap_or_default();
                let address = self.address().unwrap_or_default();
                return Err(error.context(format!(
                    "{what}, at {address}, with the picture {} and the text:\n{text}",
                    picture.display()
                )));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the text of the page contains `text`, and returns all of it.
    pub(super) fn wait_for_text(&self, text: &str) -> anyhow::Result<String> {
        self.wait_for_texts(&[text])
    }

    /// Waits until the page contains all of `texts`, and returns its text.
    pub(super) fn wait_for_texts(&self, texts: &[&str]) -> anyhow::Result<String> {
        self.eventually(&format!("waiting for {texts:?}"), || {
            let found = self.visible_text()?;
            let is_missing = |text: &&&str| !found.contains(**text);
            let missing: Vec<_> = texts.iter().filter(is_missing).collect();
            ensure!(missing.is_empty(), "the page does not show {missing:?}");
            Ok(found)
        })
    }

    /// Waits for a visible element.
    pub(super) fn wait_for(&self, place: &By) -> anyhow::Result<WebElement> {
        self.eventually(&format!("waiting for {place:?}"), || self.visible(place))
    }

    /// Clicks on a place, and counts the click.
    pub(super) fn click(&self, place: &By) -> anyhow::Result<()> {
        self.eventually(&format!("clicking on {place:?}"), || {
            // The page may draw the element anew between the two commands.
            let element = self.visible(place)?;
            self.run(element.click())
        })?;
        self.clicks.set(self.clicks.get() + 1);
        Ok(())
    }

    /// Clicks on a field and types into it.
    pub(super) fn type_into(&self, place: &By, text: &str) -> anyhow::Result<()> {
        self.click(place)?;
        self.press(text)
    }

    /// Presses keys, wherever the focus is.
    pub(super) fn press(&self, keys: impl Into<TypingData>) -> anyhow::Result<()> {
        let keys = self.driver.action_chain().send_keys(keys);
        self.run(async { keys.perform().await })
    }

    /// Clicks on a place that asks for a file, and chooses one.
    pub(super) fn choose_file(&self, place: &By, file: &Path) -> anyhow::Result<()> {
        let enabled = json!({"enabled": true});
        self.devtools("Page.setInterceptFileChooserDialog", enabled)?;
        self.click(place)?;
        let field = self.eventually("waiting for the choice of a file", || {
            self.read_records()?;
            let field = self.records.borrow_mut().file_fields.pop();
            field.context("the page has not asked for a file")
        })?;
        let files = json!({"files": [file.display().to_string()], "backendNodeId": field});
        self.devtools("DOM.setFileInputFiles", files)?;
        Ok(())
    }

    /// The first element at `place` that is displayed now.
    fn visible(&self, place: &By) -> anyhow::Result<WebElement> {
        for element in self.run(self.driver.find_all(place.clone()))? {
            if self.run(element.is_displayed())? {
                return Ok(element);
            }
        }
        bail!("no visible element {place:?}")
    }
}

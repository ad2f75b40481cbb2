//! Assertions about a capture.
//!
//! A failure says what was found and draws the traces. No assertion waits: after a test has awaited the tested code,
//! its telemetry is complete.

use super::{Capture, Found};

impl Capture {
    /// Asserts that there is a log line with this message, and returns it.
    ///
    /// # Panics
    ///
    /// Panics if there is no such line.
    #[track_caller]
    pub fn assert_log(&self, message: &str) -> Found<'_> {
        let (lines, others): (Vec<_>, Vec<_>) = self
            .logs()
            .into_iter()
            .partition(|line| line.message == message);
        let others: Vec<_> = others.into_iter().map(|line| line.message).collect();
        let lines = lines.into_iter().map(Into::into).collect();
        Found::new(self, format!("log line {message:?}"), lines, &others)
    }

    /// Asserts that there is no log line with this message.
    ///
    /// # Panics
    ///
    /// Panics if there is such a line.
    #[track_caller]
    pub fn assert_no_log(&self, message: &str) {
        if let Some(line) = self.logs().iter().find(|line| line.message == message) {
            self.fail(&format!("expected no log line {message:?}, found {line}"));
        }
    }

    /// Asserts that there is a span with this name that has ended, and returns it.
    ///
    /// # Panics
    ///
    /// Panics if there is no such span.
    #[track_caller]
    pub fn assert_span(&self, name: &str) -> Found<'_> {
        let (spans, others): (Vec<_>, Vec<_>) =
            self.spans().into_iter().partition(|span| span.name == name);
        let others: Vec<_> = others.into_iter().map(|span| span.name).collect();
        let spans = spans.into_iter().map(Into::into).collect();
        Found::new(self, format!("span {name:?}"), spans, &others)
    }

    /// Asserts that there is no log line of level ERROR, and no failed span.
    ///
    /// # Panics
    ///
    /// Panics if there is such a line or span.
    #[track_caller]
    pub fn assert_no_errors(&self) {
        if let Some(line) = self.logs().iter().find(|line| line.level == "ERROR") {
            self.fail(&format!("expected no errors, found the log line: {line}"));
        }
        if let Some(span) = self.spans().iter().find(|span| span.status == "error") {
            self.fail(&format!(
                "expected no errors, the span {:?} has failed",
                span.name
            ));
        }
    }

    /// Asserts the value of a counter or a gauge, over all series with these labels.
    ///
    /// A counter that was never incremented is absent, which is different from 0.
    ///
    /// # Panics
    ///
    /// Panics if the value differs, or if the metric is absent.
    #[track_caller]
    pub fn assert_metric<const N: usize>(
        &self,
        name: &str,
        labels: [(&str, &str); N],
        expected: f64,
    ) {
        let found = self.metric(name, labels);
        if found == Some(expected) {
            return;
        }
        let found = found.map_or("none".to_owned(), |value| value.to_string());
        let mut message = format!("expected {name} with {labels:?} = {expected}, found {found}");
        for series in self.series(name) {
            message += &format!("\n  {name}{series}");
        }
        self.fail(&message);
    }

    /// Fails the test and shows everything that it captured.
    #[track_caller]
    #[expect(clippy::panic, reason = "a failing assertion panics")]
    pub(super) fn fail(&self, message: &str) -> ! {
        let shown = if self.show_once() {
            format!("\n\n{}", self.waterfall())
        } else {
            String::new()
        };
        panic!("{message}{shown}")
    }
}

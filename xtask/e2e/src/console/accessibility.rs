//! Accessibility violations, which axe-core finds.

use std::fmt::Write as _;

use anyhow::{bail, ensure};
use serde_json::Value;

use super::browser::Browser;

impl Browser {
    /// Checks that axe-core finds no violation in the page; `axe` is its source.
    pub(super) fn check_accessibility(&self, axe: &str) -> anyhow::Result<()> {
        // The script stays in the page until the page is loaded anew.
        if self.evaluate("typeof axe")? != "object" {
            self.evaluate(&format!("{axe}\n; null"))?;
        }
        let found = self.evaluate(RUN)?;
        ensure!(
            found["rules"].as_u64().is_some_and(|rules| rules > 0),
            "axe-core has run no rule: {found}"
        );
        let violations = found["violations"].as_array().into_iter().flatten();
        let violations: Vec<_> = violations.map(description).collect();
        if !violations.is_empty() {
            bail!("accessibility violations:\n{}", violations.join("\n"));
        }
        Ok(())
    }
}

const RUN: &str = "
    axe.run(document, { resultTypes: ['violations'] }).then(({ violations, passes }) => ({
        violations,
        rules: passes.length,
    }))";

/// The rule, its help, and where it is violated.
fn description(violation: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = format!(
        "  {} ({}): {}",
        text(&violation["id"]),
        text(&violation["impact"]),
        text(&violation["help"])
    );
    for node in violation["nodes"].as_array().into_iter().flatten().take(3) {
        let summary = text(&node["failureSummary"]).replace('\n', "; ");
        let html: String = text(&node["html"]).chars().take(200).collect();
        let _ = write!(
            all,
            "\n    {}\n      {html}\n      {summary}",
            node["target"]
        );
    }
    all
}

//! Renders the page `e2e-live.md` of the book with the results.

use std::{fs, time::Duration};

use anyhow::Context as _;
use observability::alerts::ALWAYS;
use support::paths;

use super::{panels::Count, round::AlertResult};

/// Writes each picture as a file of the book.
pub(super) fn write_pictures(pictures: &[(String, String)]) -> anyhow::Result<()> {
    let folder = paths::root().join("docs/book/src/images");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (name, picture) in pictures {
        let path = folder.join(format!("{name}.svg"));
        fs::write(&path, picture).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The results as Markdown; `left` are the alerts without an injected cause.
pub(super) fn text(
    counts: &[Count],
    results: &[AlertResult],
    left: &[(&'static str, &'static str)],
) -> String {
    let sum = |part: fn(&Count) -> (usize, usize)| {
        counts
            .iter()
            .map(part)
            .fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    };
    let (panels, targets) = (sum(|count| count.panels), sum(|count| count.targets));
    let mut text = format!(
        "# Panels and alerts, tested end to end\n\n<!-- Written by `cargo xtask live --write`. -->\n\n\
         `cargo xtask live` runs a generated service with PostgreSQL and a worker, postgres_exporter, Prometheus and \
         Alertmanager. It runs every query of every panel and injects the causes of the alerts.\n\n\
         ## Panels\n\n**{} of {} panels, {} of {} queries** returned series with finite values and with the labels of the \
         legend. In panels that show exemplars, the exemplars had trace ids.\n\n\
         | dashboard | panels | queries | with exemplars |\n| --- | ---: | ---: | ---: |\n",
        panels.0, panels.1, targets.0, targets.1
    );
    for count in counts {
        text += &format!(
            "| {} | {} of {} | {} of {} | {} |\n",
            count.dashboard,
            count.panels.0,
            count.panels.1,
            count.targets.0,
            count.targets.1,
            count.traces
        );
    }
    text += "\n## Alerts\n\nThe rules are the shipped ones with every duration divided by 60, and with a scrape and an \
             evaluation each second. In production, 10 s of this test are up to 10 min. Each notification arrived at a webhook \
             with its severity and the URL of an existing runbook. The notification of each resolution arrived as well. \
             The times of burn-rate alerts are those of the pair with the shortest windows. The last column says whether \
             `/explain` of the affected service named the runbook of the alert while it fired; other alerts have no rule \
             there.\n\n\
             | alert | severity | injected cause | time to fire | time to resolve | `/explain` |\n\
             | --- | --- | --- | ---: | ---: | --- |\n";
    for result in results {
        text += &format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            result.alert,
            result.severity,
            result.cause,
            duration(&result.fired),
            duration(&result.resolved),
            match &result.explained {
                Some(Ok(())) => "names it",
                Some(Err(_)) => "does not name it",
                None => "",
            }
        );
    }
    text += &format!("\n{ALWAYS}, which always fires, reached the heartbeat receiver.\n");
    if !left.is_empty() {
        let left = left.iter().map(|(name, why)| format!("{name} ({why})"));
        let left: Vec<_> = left.collect();
        text += &format!(
            "\nNot injected here, and only tested by `promtool test rules`: {}.\n",
            left.join(", ")
        );
    }
    text
}

/// Writes the page.
pub(super) fn write(text: &str) -> anyhow::Result<()> {
    let path = paths::root().join("docs/book/src/e2e-live.md");
    fs::write(&path, text).with_context(|| path.display().to_string())
}

fn duration(time: &Result<Duration, String>) -> String {
    match time {
        Ok(time) => format!("{:.1} s", time.as_secs_f64()),
        Err(_) => "not seen".to_owned(),
    }
}

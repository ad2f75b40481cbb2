//! One round: causes begin, notifications arrive, causes end, and the ends are notified as well.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use support::paths;

use super::{
    injected::{Cause, Fault},
    site::Site,
    webhook::News,
};

/// For each notification: the machine may be building something else.
const DEADLINE: Duration = Duration::from_secs(120);

/// What was seen of one alert.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) alert: &'static str,
    pub(super) severity: &'static str,
    pub(super) cause: &'static str,
    pub(super) fired: anyhow::Result<Duration, String>,
    pub(super) resolved: anyhow::Result<Duration, String>,
}

/// Begins all, has `meanwhile` look around, ends all.
pub(super) fn round(
    site: &Site,
    faults: &[Fault],
    meanwhile: impl FnOnce(),
) -> anyhow::Result<Vec<Seen>> {
    // A burst of a busy machine may have fired one already: first it must be quiet.
    for fault in faults {
        let quiet = Instant::now() + DEADLINE;
        while site
            .webhook
            .newest(|news| is_of(news, fault))
            .is_some_and(|news| news.firing)
        {
            ensure!(
                Instant::now() < quiet,
                "{} fires before its cause",
                fault.alert
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    let mut causes: Vec<(Instant, Cause)> = Vec::new();
    for fault in faults {
        let began = Instant::now();
        let cause = (fault.begin)(site).with_context(|| fault.cause.to_owned())?;
        causes.push((began, cause));
    }
    let mut fired = Vec::new();
    for (fault, (began, _)) in faults.iter().zip(&causes) {
        let news = site
            .webhook
            .wait(*began, DEADLINE, |news| news.firing && is_of(news, fault));
        let news = news.and_then(|news| is_complete(&news, fault).map(|()| news.at - *began));
        fired.push(news.map_err(|error| format!("{error:#}")));
    }
    meanwhile();

    let mut ended = Vec::new();
    for (fault, (_, cause)) in faults.iter().zip(causes) {
        drop(cause);
        (fault.end)(site).with_context(|| format!("the end of: {}", fault.cause))?;
        ended.push(Instant::now());
    }
    let mut seen = Vec::new();
    for ((fault, fired), ended) in faults.iter().zip(fired).zip(ended) {
        let resolved = if fired.is_ok() {
            let news = site
                .webhook
                .wait(ended, DEADLINE, |news| !news.firing && is_of(news, fault));
            news.map(|news| news.at - ended)
        } else {
            Err(anyhow!("it has not fired"))
        };
        seen.push(Seen {
            alert: fault.alert,
            severity: fault.severity,
            cause: fault.cause,
            fired,
            resolved: resolved.map_err(|error| format!("{error:#}")),
        });
    }
    Ok(seen)
}

/// Of several windows of a burn rate, the shortest: the others take their time to resolve.
fn is_of(news: &News, fault: &Fault) -> bool {
    let label = |name: &str, value: &str| news.labels.get(name).is_some_and(|own| own == value);
    label("alertname", fault.alert)
        && label("job", fault.job)
        && label("severity", fault.severity)
        && news.labels.get("long").is_none_or(|long| long == "1m")
}

/// It went to who is to be told, and says what to do.
fn is_complete(news: &News, fault: &Fault) -> anyhow::Result<()> {
    let to = if fault.severity == "critical" {
        "/page"
    } else {
        "/ticket"
    };
    ensure!(
        news.to == to,
        "it went to {}, expected {to}: {:?}",
        news.to,
        news.labels
    );
    let runbook = news.annotations.get("runbook_url");
    let runbook = runbook.context("it has no runbook_url")?;
    let name = format!("docs/runbooks/{}.md", fault.alert);
    ensure!(
        runbook.ends_with(&name),
        "its runbook_url is {runbook}, expected {name}"
    );
    ensure!(paths::root().join(&name).exists(), "{name} is not there");
    Ok(())
}

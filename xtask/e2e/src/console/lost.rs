//! Answers of a proxy, errors beside earlier data, and a missing file of the page.

use anyhow::ensure;
use serde_json::json;
use support::Cases;

use super::{Fixture, browser::Browser, instance::Instance, place::link};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    cases.check("lost: old data is never shown as live", || {
        run(fixture, instance)
    });
}

fn run(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let browser = fixture.browser("lost")?;
    browser.open_view(&instance.admin, "traces?section=failed")?;
    browser.wait_for_texts(&["POST /faults/fail", "live"])?;
    browser.evaluate(REPLACE)?;

    // A proxy answers for a pod that is gone.
    browser.evaluate("window.answers = [['', 503, 'no healthy upstream']]")?;
    let text = browser.wait_for_texts(&["reconnecting", "POST /faults/fail"])?;
    ensure!(!text.contains("no healthy upstream"), "found {text}");
    // The verdict is of before.
    browser.wait_for(&link("was "))?;
    browser.evaluate("window.answers = []")?;
    wait_until_gone(&browser, "reconnecting")?;
    browser.wait_for_text("live")?;

    // The process answers, and only this list is too large.
    browser.evaluate("window.answers = [['traces', 400, 'the response would be too large']]")?;
    browser.wait_for_texts(&[
        "Not refreshed since",
        "/traces: the response would be too large",
        "POST /faults/fail",
        "live",
    ])?;
    browser.evaluate("window.answers = []")?;
    wait_until_gone(&browser, "Not refreshed since")?;

    // An answer of the process itself, which is asked again as soon as after any other one.
    browser.evaluate("window.answers = [['readyz', 503, 'not ready\\ncache: not finished']]")?;
    browser.click(&link("Telemetry"))?;
    browser.wait_for_texts(&["not ready: 503", "cache: not finished", "live"])?;
    let error = browser.evaluate(READINESS_ERROR)?;
    ensure!(error.is_null(), "found {error}");

    browser.devtools("Network.enable", json!({}))?;
    for (blocked, text) in [
        (&["*console/waterfall.js"][..], "Reload if this stays"),
        (&[], "live"),
    ] {
        browser.devtools("Network.setBlockedURLs", json!({"urls": blocked}))?;
        browser.reload()?;
        browser.wait_for_text(text)?;
    }
    let text = browser.visible_text()?;
    ensure!(!text.contains("Reload if this stays"), "found {text}");
    browser.take_records()?.check_hosts(&instance.admin)
}

fn wait_until_gone(browser: &Browser, sentence: &str) -> anyhow::Result<()> {
    browser.eventually(&format!("waiting until {sentence} is gone"), || {
        let text = browser.visible_text()?;
        ensure!(!text.contains(sentence), "found {text}");
        Ok(())
    })
}

/// Replaces answers by those in `answers`.
///
/// Each is the beginning of paths, a status and a text.
const REPLACE: &str = "(() => {
    const send = window.fetch;
    window.answers = [];
    window.fetch = async (path, options) => {
        const found = window.answers.find(([start]) => String(path).startsWith(start));
        return found ? new Response(found[2], { status: found[1] }) : send(path, options);
    };
})()";

const READINESS_ERROR: &str = "(async () => {
    const { hold } = await import('/console/api.js');
    const { readyz } = await import('/console/resources.js');
    return hold(readyz).error;
})()";

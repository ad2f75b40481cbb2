//! The console while its service restarts.

use anyhow::ensure;
use support::Cases;

use super::{Fixture, instance::Instance};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("restart: told, and live again by itself", || run(fixture));
}

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    let instance = Instance::start(&fixture.built, &fixture.server, "console_restart", &[])?;
    instance.post("/faults/fail", &[], "")?;
    let browser = fixture.browser("restart")?;
    browser.open_view(&instance.admin, "traces")?;
    browser.wait_for_text("POST /faults/fail")?;
    browser.take_records()?.check_silent()?;

    instance.kill()?;
    browser.wait_for_text("reconnecting")?;
    // The traces of the process that is gone stay on the page.
    browser.wait_for_text("POST /faults/fail")?;
    instance.start_again()?;
    instance.post("/faults/panic", &[], "").ok();
    browser.wait_for_texts(&["POST /faults/panic", "restarted", "live"])?;
    let text = browser.visible_text()?;
    ensure!(!text.contains("reconnecting"), "the page shows: {text}");
    ensure!(
        !text.contains("POST /faults/fail"),
        "traces of the last process are shown as new ones: {text}"
    );

    // The numbers of log lines begin anew with each process.
    instance.post_for("/markup/lines/50", "", 200)?;
    browser.open_view(&instance.admin, "logs")?;
    browser.wait_for_text("numbered line 50")?;
    // Another answer tells of the restart, while the lines are asked for with a number of the last process.
    browser.evaluate(SLOW_LINES)?;
    instance.kill()?;
    browser.wait_for_text("reconnecting")?;
    instance.start_again()?;
    instance.post_for("/markup/lines/1", "", 200)?;
    browser.wait_for_texts(&["numbered line 1", "live, "])?;
    let text = browser.visible_text()?;
    ensure!(
        !text.contains("numbered line 50"),
        "lines of both processes are shown: {text}"
    );

    let records = browser.take_records()?;
    let is_lost = |message: &String| message.contains("net::ERR_");
    // The browser itself reports each failed request.
    let others: Vec<_> = records
        .messages
        .iter()
        .filter(|message| !is_lost(message))
        .collect();
    ensure!(others.is_empty(), "messages: {others:?}");
    records.check_hosts(&instance.admin)
}

/// Delays the answers with log lines.
const SLOW_LINES: &str = "(() => {
    const send = window.fetch;
    window.fetch = async (path, options) => {
        const answer = await send(path, options);
        if (String(path).startsWith('logs?')) await new Promise((done) => setTimeout(done, 1_000));
        return answer;
    };
})()";

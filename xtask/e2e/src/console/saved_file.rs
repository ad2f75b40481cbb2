//! *Save* and *Open*.

use std::{fs, path::PathBuf, thread, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use support::Cases;

use super::{
    Fixture,
    browser::Browser,
    instance::Instance,
    place::{button, css, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("save: the file opens without the service", || run(fixture));
    cases.check("open: a malformed file leaves the way back", || {
        open_malformed(fixture)
    });
}

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    let instance = Instance::start(&fixture.built, &fixture.server, "console_saved", &[])?;
    instance.post("/faults/fail", &[], "")?;
    instance.post(
        "/orders",
        &[("content-type", "application/json")],
        r#"{"item":"telescope","quantity":2}"#,
    )?;
    let browser = fixture.browser("save")?;
    browser.open(&instance.admin)?;
    browser.wait_for_text("POST /faults/fail")?;
    browser.evaluate(MORE_FAILED)?;
    browser.click(&button("Save"))?;
    browser.wait_for_text("Not in the file: traces (1234 of ")?;
    let file = wait(&browser)?;
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let saved: Value = serde_json::from_str(&text)?;
    for part in ["service", "version", "instance"] {
        ensure!(saved[part].is_string(), "the file has no {part}");
    }
    ensure!(text.contains("out of ink"), "the file has no error");
    browser.take_records()?.check_silent()?;

    // The console of another process opens the file, as after an incident.
    instance.kill()?;
    instance.start_again()?;
    let other = fixture.browser("open-again")?;
    other.open(&instance.admin)?;
    other.wait_for_text("Requests per second")?;
    other.choose_file(&button("Open"), &file)?;
    other.wait_for_text("saved file")?;
    other.click(&link("Traces"))?;
    other.click(&link("Failed"))?;
    other.click(&link("POST /faults/fail"))?;
    let text = other.wait_for_texts(&["out of ink", "saved file", "traces (1234 of "])?;
    ensure!(
        !text.contains("Copy curl"),
        "a file has no listener: {text}"
    );
    other.wait_for(&css("a[href^='http://127.0.0.1:3200/trace/']"))?;
    for (view, text) in [
        ("Logs", "request failed"),
        ("Errors", "out of ink"),
        ("Metrics", "http_server_request_duration_seconds"),
        ("Database", "INSERT orders"),
        ("Work", "charges"),
        ("Telemetry", "metrics"),
    ] {
        other.click(&link(view))?;
        other.wait_for_text(text)?;
    }
    other.take_records()?;
    thread::sleep(Duration::from_secs(3));
    let records = other.take_records()?;
    records.check_silent()?;
    ensure!(
        records.requests.is_empty(),
        "the page asks the service while a file is open: {:?}",
        records.requests
    );
    other.click(&button("Back to the service"))?;
    other.wait_for_text("live")?;

    other.take_records()?.check_silent()
}

/// As if there were more traces than an answer has.
const MORE_FAILED: &str = "(() => {
    const send = window.fetch;
    window.fetch = async (path, options) => {
        const answer = await send(path, options);
        if (!String(path).startsWith('traces?detail')) return answer;
        const traces = await answer.json();
        traces.failed.count += 1_234;
        return new Response(JSON.stringify(traces));
    };
})()";

/// Opens files of something else, and files with parts of another form.
fn open_malformed(fixture: &Fixture) -> anyhow::Result<()> {
    let instance = Instance::start(&fixture.built, &fixture.server, "console_malformed", &[])?;
    let browser = fixture.browser("open-malformed")?;
    browser.open(&instance.admin)?;
    browser.wait_for_text("Requests per second")?;
    let open = |text: &str| {
        let file = browser.folder.join("malformed.json");
        fs::write(&file, text)?;
        browser.choose_file(&button("Open"), &file)
    };
    for text in [
        r#"{"traces": 7, "service": ["<b>"]}"#,
        r#"{"console": 1, "explain": {}}"#,
        r#"{"findings": [{}]}"#,
    ] {
        open(text)?;
        browser
            .wait_for(&css("[role=alert]"))
            .with_context(|| text.to_owned())?;
        browser.click(&button("Dismiss"))?;
    }
    let explain = json!({"verdict": MARKUP, "findings": [
        {"severity": "broken", "what": MARKUP, "evidence": [MARKUP], "next": MARKUP},
    ]});
    let saved = json!({
        "console": 1,
        "service": MARKUP,
        "explain": explain,
        "history": {"time": "bad"},
        "missing": {"logs": MARKUP},
    });
    open(&saved.to_string())?;
    browser.wait_for_texts(&["Not in the file", "history (", MARKUP])?;
    let elements = browser.number("document.querySelectorAll('img').length")?;
    ensure!(elements == 0, "{elements} elements were inserted");
    browser.take_records()?.check_silent()?;

    // The way back stays, whatever a view finds in the file.
    let unreadable = json!({
        "console": 1,
        "metrics": "# TYPE one gauge\none 1\n",
        "telemetry": {"metrics": {"largest": 7}},
    });
    open(&unreadable.to_string())?;
    browser.click(&link("Metrics"))?;
    browser.wait_for_text("This cannot be shown")?;
    browser.click(&button("Back to the service"))?;
    browser.wait_for_text("live")?;
    Ok(())
}

const MARKUP: &str = "<img src=x onerror=alert(7)>";

/// Waits until the browser has saved a file.
pub(super) fn wait(browser: &Browser) -> anyhow::Result<PathBuf> {
    browser.eventually("waiting for the saved file", || {
        let files = fs::read_dir(browser.downloads())?;
        let files = files.filter_map(|entry| Some(entry.ok()?.path()));
        let mut complete = files.filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "json")
        });
        complete.next().context("no file")
    })
}

//! Texts full of markup, which must show as they are.

use std::fs;

use anyhow::ensure;
use serde_json::{Value, json};
use support::{Cases, http::encoded};

use super::{Fixture, browser::Browser, instance::Instance, place::button};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("markup: shows as text in every view", || run(fixture));
}

/// A text that is harmful in element content and in attributes of both quotes.
const TEXT: &str =
    r#"'"><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>"#;
/// The part of [`TEXT`] that is the same in JSON.
const PART: &str = "<img src=x onerror=alert(1)><script>alert(2)</script>";
const TRACE: &str = "3a4c00000000000000000000000000aa";

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    // Without load, all of it is in sight.
    let instance = Instance::start(&fixture.built, &fixture.server, "console_markup", &[])?;
    let traceparent = format!("00-{TRACE}-c11e0000000000aa-01");
    let traced = [("traceparent", &*traceparent), ("user-agent", TEXT)];
    instance.post("/markup/all", &traced, TEXT)?;
    instance.post("/markup/fail", &traced, TEXT)?;
    instance.post("/markup/route/1", &traced, TEXT)?;
    instance.post("/markup/statement", &traced, TEXT)?;
    instance.post("/faults/panic", &traced, TEXT)?;

    let browser = fixture.browser("markup")?;
    let elements =
        "img, script:not([src^='console/']), body svg[onload], [onerror], [onload], iframe, object";
    let show = |view: &str, texts: &[&str]| {
        browser.open_view(&instance.admin, view)?;
        browser.wait_for_texts(texts)?;
        let count = format!("document.querySelectorAll({elements:?}).length");
        let found = browser.number(&count)?;
        ensure!(found == 0, "{view}: {found} elements were inserted");
        anyhow::Ok(())
    };
    show("now", &["{<img src=x onerror=alert(5)>}"])?;
    show(
        "traces?section=failed",
        &[PART, "{<img src=x onerror=alert(5)>}"],
    )?;
    show(&format!("traces/{TRACE}"), &[PART])?;
    click_all_rows(&browser)?;
    show(&format!("logs?trace={TRACE}"), &[PART])?;
    click_all_rows(&browser)?;
    show(
        "metrics?metric=markup",
        &[PART, "<script>alert(6)</script>"],
    )?;
    show("database", &["SELECT accounts", "42703"])?;
    show("errors", &[PART])?;
    click_all_rows(&browser)?;
    // The address is a text of its author.
    show(&format!("traces?text={}", encoded(TEXT)), &[PART])?;
    show(&encoded(TEXT), &["no such view"])?;

    // Names of queues, schedules and signals come from the code of a service, and from a file.
    let file = browser.folder.join("markup.json");
    fs::write(&file, saved().to_string())?;
    browser.choose_file(&button("Open"), &file)?;
    show("work", &["Queues", "Jobs", "Schedules", "Data", PART])?;
    click_all_rows(&browser)?;
    show(
        "telemetry",
        &["Readiness", "Signals", "The last process", PART],
    )?;

    let records = browser.take_records()?;
    records.check_silent()?;
    records.check_hosts(&instance.admin)
}

/// A file with the text in every place of *Work* and *Telemetry*.
fn saved() -> Value {
    let text = TEXT.replace('\\', r"\\").replace('"', r#"\""#);
    let metrics = format!(
        "# TYPE worker_queue_depth gauge\nworker_queue_depth{{queue=\"{text}\",status=\"ready\"}} 1\n\
         # TYPE worker_tasks counter\nworker_tasks_total{{queue=\"{text}\",kind=\"{text}\",outcome=\"{text}\"}} 1\n\
         # TYPE cron_runs counter\ncron_runs_total{{cron=\"{text}\",outcome=\"{text}\"}} 1\n\
         # TYPE data_staleness_budget_seconds gauge\ndata_staleness_budget_seconds{{data_type=\"{text}\"}} 1\n\
         # TYPE data_reads counter\ndata_reads_total{{data_type=\"{text}\",result=\"{text}\"}} 1\n"
    );
    json!({
        "console": 1,
        "service": TEXT,
        "metrics": metrics,
        "telemetry": {TEXT: {"state": TEXT, "detail": TEXT, "a fact": TEXT, "facts": {TEXT: TEXT}, "lines": [TEXT]}},
        "readyz": TEXT,
        "previous": {"previous": {"ended": TEXT, "summary": TEXT, "text": TEXT}},
    })
}

/// Opens the details of each row.
fn click_all_rows(browser: &Browser) -> anyhow::Result<()> {
    browser.evaluate(
        "for (const row of document.querySelectorAll('#main [data-row], #main [role=row]')) row.click()",
    )?;
    // An alert would be an error of the next command.
    browser.visible_text()?;
    Ok(())
}

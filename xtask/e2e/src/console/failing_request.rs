//! A failing request is found by clicking, and its cause with it.

use anyhow::ensure;
use support::Cases;

use super::{
    Fixture,
    instance::{Instance, TRACE_URL},
    place::{css, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    cases.check("failing request: found within five clicks", || {
        find_panic(fixture, instance)
    });
    cases.check("failing job: its request is in the same trace", || {
        find_job(fixture)
    });
}

/// The client's trace id.
const TRACE: &str = "fa11000000000000000000000000000b";
const MAX_CLICKS: usize = 5;

fn find_panic(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let traceparent = format!("00-{TRACE}-c11e00000000000b-01");
    // The connection is closed, or answered with 500.
    let _ = instance.post("/faults/panic", &[("traceparent", &traceparent)], "");

    let browser = fixture.browser("failing-request")?;
    browser.open(&instance.admin)?;
    browser.click(&link("Traces"))?;
    browser.click(&link("Failed"))?;
    browser.click(&link("POST /faults/panic"))?;
    browser.wait_for_texts(&[TRACE, "panicked: out of paper"])?;
    // The row of the request in the waterfall.
    browser.click(&css(".waterfall button"))?;
    browser.wait_for_texts(&[
        "caused by",
        "out of paper at src/faults.rs",
        "http.response.status_code",
    ])?;

    let clicks = browser.clicks.get();
    ensure!(clicks <= MAX_CLICKS, "{clicks} clicks were needed");
    let address = TRACE_URL.replace("{trace_id}", TRACE);
    browser.wait_for(&css(&format!("a[href='{address}']")))?;
    let records = browser.take_records()?;
    records.check_silent()?;
    records.check_hosts(&instance.admin)
}

fn find_job(fixture: &Fixture) -> anyhow::Result<()> {
    // Under load, the flight recorder keeps a successful request only for a moment.
    let instance = Instance::start(&fixture.built, &fixture.server, "console_job", &[])?;
    let json = [("content-type", "application/json")];
    let order = r#"{"item":"declined","quantity":2}"#;
    instance.post("/orders", &json, order)?;
    let browser = fixture.browser("failing-job")?;
    browser.open(&instance.admin)?;
    browser.click(&link("Traces"))?;
    browser.click(&link("Failed"))?;
    browser.click(&link("process charges"))?;
    // The request that placed the order, the wait in the queue, and the job.
    let parts = [
        "POST /orders",
        "process charges",
        "waited",
        "the bank declines",
    ];
    browser.wait_for_texts(&parts)?;
    let clicks = browser.clicks.get();
    ensure!(clicks <= MAX_CLICKS, "{clicks} clicks were needed");
    browser.take_records()?.check_silent()
}

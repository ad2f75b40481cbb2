//! A failing request is found by clicking, and its cause with it.

use anyhow::ensure;
use support::Cases;
use thirtyfour::By;

use super::{
    Fixture,
    instance::{Instance, TRACE_URL},
    place::{css, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    cases.check(
        "failing request: found from its route in five clicks",
        || {
            let route = link("POST /faults/panic");
            // The row of the route, and then that of the request.
            find_panic(fixture, instance, "by-route", &[&route, &route])
        },
    );
    cases.check(
        "failing request: found from its error in five clicks",
        || {
            let last_trace =
                "//li[contains(., 'panicked: out of paper')]//a[contains(., 'Last trace')]";
            let last_trace = By::XPath(last_trace.to_owned());
            find_panic(
                fixture,
                instance,
                "by-error",
                &[&link("Errors"), &last_trace],
            )
        },
    );
    cases.check("failing job: its request is in the same trace", || {
        find_job(fixture)
    });
}

const MAX_CLICKS: usize = 5;

/// Lets a request panic, and finds it by clicking on `path`.
///
/// Other requests fail every moment.
fn find_panic(
    fixture: &Fixture,
    instance: &Instance,
    name: &str,
    path: &[&By],
) -> anyhow::Result<()> {
    // The connection is closed, or answered with 500.
    let _ = instance.post("/faults/panic", &[], "");

    let browser = fixture.browser(&format!("failing-request-{name}"))?;
    browser.open(&instance.admin)?;
    for place in path {
        browser.click(place)?;
    }
    browser.wait_for_texts(&["POST /faults/panic", "panicked: out of paper"])?;
    // The row of the request in the waterfall.
    browser.click(&css("[aria-label=Waterfall] button"))?;
    browser.wait_for_texts(&[
        "caused by",
        "out of paper at src/faults.rs",
        "http.response.status_code",
    ])?;

    let clicks = browser.clicks.get();
    ensure!(clicks <= MAX_CLICKS, "{clicks} clicks were needed");
    let address = browser.address()?;
    let trace = address.rsplit('/').next().unwrap_or_default();
    let backend = TRACE_URL.replace("{trace_id}", trace);
    browser.wait_for(&css(&format!("a[href='{backend}']")))?;
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

//! A failing request is found by clicking, and its cause with it.

use std::{thread, time::Duration};

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
    cases.check("trace: stays as it was once it is not kept", || {
        lose_trace(fixture, instance)
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
    browser.wait_for_texts(&["out of paper at src/faults.rs", "http.response.status_code"])?;

    let clicks = browser.clicks.get();
    ensure!(clicks <= MAX_CLICKS, "{clicks} clicks were needed");
    let address = browser.address()?;
    let trace = address.rsplit('/').next().unwrap_or_default();
    // The chosen row is in the address, so that a link to it can be shared.
    let (trace, row) = trace.split_once('?').unwrap_or((trace, ""));
    ensure!(row.starts_with("row="), "found {address}");
    browser.reload()?;
    browser.wait_for_text("http.response.status_code")?;
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

/// Opens a trace as if it was open, and then as if it was not kept any more.
fn lose_trace(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let browser = fixture.browser("lost-trace")?;
    browser.open_view(&instance.admin, "traces?section=failed")?;
    browser.wait_for_text("POST /faults/fail")?;
    browser.evaluate(OPEN_TRACES)?;
    browser.click(&link("POST /faults/fail"))?;
    browser.wait_for_texts(&["open", "show log lines"])?;
    browser.evaluate("window.isLost = true")?;
    browser.wait_for_text("not keep this trace")?;
    let duration = "document.querySelector('.trace-head .big').innerText";
    let first = browser.evaluate(duration)?;
    thread::sleep(Duration::from_secs(2));
    let second = browser.evaluate(duration)?;
    ensure!(
        first == second,
        "the trace goes on from {first} to {second}"
    );

    // A trace that was never here has its log lines perhaps.
    browser.open_view(&instance.admin, "traces/00000000000000000000000000000001")?;
    browser.wait_for_text("This trace is not here")?;
    browser.click(&link("Its log lines"))?;
    browser.wait_for_text("No line passes the filter")?;
    Ok(())
}

/// Replaces the answers for single traces.
const OPEN_TRACES: &str = "(() => {
    const send = window.fetch;
    window.fetch = async (path, options) => {
        if (!String(path).startsWith('traces/')) return send(path, options);
        if (window.isLost) return new Response('there is no such trace', { status: 404 });
        const trace = await (await send(path, options)).json();
        for (const root of trace.roots) {
            root.outcome = 'open';
            for (const span of root.spans) Object.assign(span, { ended: null, duration_seconds: null });
        }
        return new Response(JSON.stringify(trace));
    };
})()";

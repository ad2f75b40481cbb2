//! The token of a listener that is not bound to the loopback interface.

use std::fs;

use anyhow::{Context as _, ensure};
use support::Cases;
use thirtyfour::Key;

use super::{
    Fixture,
    browser::Browser,
    instance::Instance,
    place::{button, css, field, link},
    saved_file,
};

const TOKEN: &str = "correct-horse-battery-staple";
const WRONG: &str = "wrong-horse";

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("token: needed, checked, and kept in the tab only", || {
        run(fixture)
    });
    cases.check("token: no field where the service has none", || {
        without_token(fixture)
    });
}

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    let settings = [
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0"),
        ("FIRSTLIGHT_ADMIN_TOKEN", TOKEN),
    ];
    let instance = Instance::start(&fixture.built, &fixture.server, "console_token", &settings)?;
    instance.post("/faults/fail", &[], "")?;

    let browser = fixture.browser("token")?;
    browser.open_view(&instance.admin, "traces")?;
    browser.wait_for(&field("Token"))?;
    browser.check_accessibility(&fixture.axe)?;
    let text = browser.visible_text()?;
    ensure!(
        !text.contains("/faults/fail"),
        "data without a token: {text}"
    );

    // Without the token there is nothing to save.
    browser.click(&button("Save"))?;
    browser.wait_for_text("Saving failed")?;
    browser.click(&button("Dismiss"))?;
    // A browser cannot send this one, not even after a reload.
    browser.type_into(&field("Token"), "käse–brot")?;
    browser.click(&button("Go on"))?;
    browser.wait_for_text("other characters")?;
    browser.evaluate("document.querySelector('[name=token]').value = ''")?;

    browser.type_into(&field("Token"), WRONG)?;
    browser.click(&button("Go on"))?;
    browser.wait_for_text("not accepted")?;
    browser.type_into(&field("Token"), TOKEN)?;
    browser.press(Key::Enter)?;
    browser.wait_for_text("POST /faults/fail")?;
    let refused = browser.take_records()?;
    let is_refusal = |message: &String| message.contains(" 401 ") || message.contains(" 403 ");
    // The browser itself reports each refused request.
    let others: Vec<_> = refused
        .messages
        .iter()
        .filter(|message| !is_refusal(message))
        .collect();
    ensure!(others.is_empty(), "messages: {others:?}");
    refused.check_hosts(&instance.admin)?;

    // The token lasts as long as the tab.
    browser.reload()?;
    browser.wait_for_text("POST /faults/fail")?;
    browser.click(&button("Save"))?;
    let saved = saved_file::wait(&browser)?;
    let saved = fs::read_to_string(&saved).with_context(|| saved.display().to_string())?;
    ensure!(
        saved.contains("/faults/fail"),
        "the file has no trace: {saved}"
    );
    browser.click(&css("nav a"))?;
    let records = browser.take_records()?;
    records.check_silent()?;
    for secret in [TOKEN, WRONG] {
        check_absent(&browser, secret)?;
        ensure!(!saved.contains(secret), "the saved file has the token");
        let mut requests = refused.requests.iter().chain(&records.requests);
        ensure!(
            requests.all(|url| !url.contains(secret)),
            "an address has the token"
        );
    }

    // Another tab asks for it again.
    let other = fixture.browser("token-other")?;
    other.open_view(&instance.admin, "traces")?;
    other.wait_for(&field("Token"))?;
    Ok(())
}

/// Opens a listener that refuses every token, because none is set.
fn without_token(fixture: &Fixture) -> anyhow::Result<()> {
    let settings = [("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0")];
    let instance = Instance::start(
        &fixture.built,
        &fixture.server,
        "console_refused",
        &settings,
    )?;
    let browser = fixture.browser("token-refused")?;
    browser.open_view(&instance.admin, "traces")?;
    browser.wait_for_texts(&["The listener refuses this", "set FIRSTLIGHT_ADMIN_TOKEN"])?;
    browser.check_accessibility(&fixture.axe)?;
    let fields = browser.number("document.querySelectorAll('[name=token]').length")?;
    ensure!(fields == 0, "{fields} fields");
    // What needs no token is shown.
    browser.click(&link("Metrics"))?;
    browser.wait_for_text("Cardinality")?;
    Ok(())
}

/// Checks that the secret is in no place where it must not be.
///
/// These are the page, its address, and what outlives the tab.
fn check_absent(browser: &Browser, secret: &str) -> anyhow::Result<()> {
    let places = [
        "location.href",
        "document.cookie",
        "JSON.stringify({ ...localStorage })",
        "document.documentElement.outerHTML",
        "[...document.querySelectorAll('input')].map((field) => field.value).join()",
        "indexedDB.databases().then((databases) => JSON.stringify(databases))",
        "caches.keys().then((keys) => JSON.stringify(keys))",
    ];
    for place in places {
        let value = browser.evaluate(place)?.to_string();
        ensure!(!value.contains(secret), "{place} has the token: {value}");
    }
    let cookies = browser.run(browser.driver.get_all_cookies())?;
    ensure!(cookies.is_empty(), "found cookies {cookies:?}");
    Ok(())
}

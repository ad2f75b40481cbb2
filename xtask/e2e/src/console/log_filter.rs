//! The filters of *Logs*, and the log filter of the service.

use anyhow::ensure;
use support::Cases;
use thirtyfour::Key;

use super::{
    Fixture,
    instance::Instance,
    place::{button, css, field, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    cases.check("logs: fields filter, and the level is turned up", || {
        run(fixture, instance)
    });
}

fn run(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let browser = fixture.browser("log-filter")?;
    browser.open_view(&instance.admin, "logs")?;
    browser.wait_for_text("request failed")?;
    let address = |expected: &str| {
        browser.eventually(&format!("waiting for the address {expected}"), || {
            let address = browser.address()?;
            ensure!(address.ends_with(expected), "found {address}");
            Ok(())
        })
    };
    // Two fields in less time than one takes to apply, and a part of a trace id.
    browser.type_into(&field("contains, as written"), "request")?;
    browser.press(Key::Tab)?;
    browser.press("firstlight")?;
    address("#/logs?text=request&target=firstlight")?;
    browser.type_into(&field("32 digits"), "0af7")?;
    browser.type_into(&field("contains, as written"), "zzz")?;
    browser.press(Key::Escape)?;
    browser.click(&link("Errors"))?;
    browser.wait_for_text("out of ink")?;
    // The field is of a view that was left, so what was typed there applies to no other one.
    browser.evaluate("new Promise((done) => setTimeout(done, 500))")?;
    address("#/errors")?;

    browser.open_view(&instance.admin, "logs")?;
    browser.click(&button("Turn up for 10 min"))?;
    let filter = css("[name=filter]");
    browser.click(&filter)?;
    browser.evaluate("document.activeElement.select()")?;
    browser.press("info,nothing=trace")?;
    browser.type_into(&css("[name=why]"), "a test")?;
    // The next answer about the log filter must not change what was typed.
    browser.evaluate("new Promise((done) => setTimeout(done, 2_500))")?;
    let typed = browser.evaluate("document.querySelector('[name=filter]').value")?;
    ensure!(typed == "info,nothing=trace", "found {typed}");
    browser.press(Key::Enter)?;
    browser.wait_for_texts(&["info,nothing=trace", "10 min left", "a test"])?;
    browser.click(&button("Turn back now"))?;
    browser.eventually("waiting for the filter of the start", || {
        let text = browser.visible_text()?;
        ensure!(!text.contains("min left"), "found {text}");
        Ok(())
    })?;
    browser.take_records()?.check_silent()
}

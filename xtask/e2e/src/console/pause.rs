//! *Pause*, and what a view shows meanwhile.

use std::{thread, time::Duration};

use anyhow::ensure;
use support::Cases;

use super::{
    Fixture,
    instance::Instance,
    place::{button, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    cases.check("pause: asks once for a view, and no more", || {
        run(fixture, instance)
    });
}

fn run(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let browser = fixture.browser("pause")?;
    browser.open_view(&instance.admin, "errors")?;
    browser.wait_for_texts(&["out of ink", "live"])?;
    let before = browser.number(ERRORS_AT)?;
    browser.click(&link("Now"))?;
    browser.wait_for_text("Requests per second")?;
    // What is held of the errors is older than the pause.
    thread::sleep(Duration::from_secs(1));
    browser.click(&button("Pause"))?;
    browser.wait_for_text("paused")?;
    browser.click(&link("Errors"))?;
    browser.wait_for_text("out of ink")?;
    browser.eventually("waiting for the errors of the pause", || {
        let at = browser.number(ERRORS_AT)?;
        ensure!(
            at >= before + 1_000,
            "found those of {at}, and before the pause of {before}"
        );
        Ok(())
    })?;
    browser.take_records()?;
    thread::sleep(Duration::from_secs(3));
    let records = browser.take_records()?;
    ensure!(
        records.requests.is_empty(),
        "the page asks during the pause: {:?}",
        records.requests
    );
    browser.press("p")?;
    browser.wait_for_text("live")?;
    browser.take_records()?.check_silent()
}

/// When the errors were read that are shown, in milliseconds.
const ERRORS_AT: &str = "(async () => {
    const { hold } = await import('/console/api.js');
    const { errors } = await import('/console/resources.js');
    return hold(errors).at;
})()";

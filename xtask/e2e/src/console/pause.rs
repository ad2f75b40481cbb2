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
    browser.open(&instance.admin)?;
    browser.wait_for_texts(&["Requests per second", "live"])?;
    browser.click(&button("Pause"))?;
    browser.wait_for_text("paused")?;
    browser.click(&link("Errors"))?;
    browser.wait_for_text("out of ink")?;
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

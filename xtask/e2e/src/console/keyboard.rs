//! The keyboard, and the state in the address.

use std::collections::BTreeSet;

use anyhow::ensure;
use support::Cases;
use thirtyfour::Key;

use super::{
    Fixture,
    browser::Browser,
    instance::Instance,
    place::{css, field, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    cases.check("keyboard: filters, moves, opens and helps", || {
        keys(fixture, instance)
    });
    cases.check("address: the view survives a reload", || {
        reload(fixture, instance)
    });
}

fn keys(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let browser = fixture.browser("keyboard")?;
    browser.open_view(&instance.admin, "traces?section=failed")?;
    browser.wait_for_text("POST /faults/fail")?;

    browser.press("/")?;
    browser.press("n-no-such-name")?;
    browser.wait_for_text("No trace passes the filter")?;
    wait_for_address(&browser, "text=n-no-such-name")?;
    // The filter is selected, so that the next one replaces it.
    browser.press(Key::Escape)?;
    browser.press("/")?;
    browser.press("faults")?;
    browser.wait_for_text("POST /faults/fail")?;
    browser.press(Key::Escape)?;

    // The service filters by the route, so it is asked once all of it is typed.
    browser.take_records()?.check_silent()?;
    browser.type_into(&field("/orders/{id}"), "faults/fail")?;
    wait_for_address(&browser, "route=faults%2Ffail")?;
    browser.eventually("waiting for the traces of the route", || {
        browser.read_records()?;
        let records = browser.records.borrow();
        let requests = records.requests.iter();
        let routes: BTreeSet<_> = requests.filter(|url| url.contains("route=")).collect();
        ensure!(
            routes.len() == 2,
            "found {routes:?}, expected the list and the counts"
        );
        Ok(())
    })?;
    browser.press(Key::Escape)?;

    // The focus is on another place of the page.
    browser.click(&link("Failed"))?;
    for key in ["j", "j", "k"] {
        browser.press(key)?;
    }
    let chosen = "document.querySelectorAll('[role=row][aria-selected=true]').length";
    browser.eventually("waiting for a chosen row", || {
        let rows = browser.number(chosen)?;
        ensure!(rows == 1, "{rows} rows are chosen");
        Ok(())
    })?;
    browser.press(Key::Enter)?;
    browser.wait_for(&css("[aria-label=Waterfall]"))?;
    wait_for_address(&browser, "#/traces/")?;

    // All rows of the waterfall are one stop of the Tab key, and their details are the next one.
    let focused = |expected: &str| {
        browser.eventually(&format!("waiting for the focus on {expected}"), || {
            let found = browser.evaluate(FOCUSED)?;
            ensure!(found == expected, "found {found}");
            Ok(())
        })
    };
    browser.press("j")?;
    focused("row 0 of 1 stop")?;
    browser.press(Key::Down)?;
    focused("row 1 of 1 stop")?;
    browser.press(Key::Enter)?;
    browser.wait_for(&css("[aria-label=Details]"))?;
    browser.check_accessibility(&fixture.axe)?;
    browser.press(Key::Tab)?;
    focused("Close the details")?;

    // The first link of the page leads to its content, and stays in the view.
    browser.evaluate("document.querySelector('a').focus()")?;
    browser.press(Key::Enter)?;
    browser.eventually("waiting for the focus in the content", || {
        let focused = browser.evaluate("document.activeElement.id")?;
        ensure!(focused == "main", "found {focused}");
        wait_for_address(&browser, "#/traces/")
    })?;

    browser.click(&css("[aria-label=Keys]"))?;
    browser.click(&css("dialog button"))?;
    let focused = browser.evaluate("document.activeElement.ariaLabel")?;
    ensure!(focused == "Keys", "the focus is on {focused}");
    browser.press("?")?;
    browser.wait_for(&css("dialog[open]"))?;
    browser.check_accessibility(&fixture.axe)?;
    browser.press(Key::Escape)?;
    browser.eventually("waiting for the help to close", || {
        let open = browser.number("document.querySelectorAll('dialog[open]').length")?;
        ensure!(open == 0, "the help is open");
        Ok(())
    })?;
    browser.press("ge")?;
    browser.wait_for_text("src/error.rs")?;
    browser.take_records()?.check_silent()
}

/// The row of the waterfall that has the focus, or the label of another element.
const FOCUSED: &str = "(() => {
    const rows = [...document.querySelectorAll('[aria-label=Waterfall] button')];
    const place = rows.indexOf(document.activeElement);
    const stops = rows.filter((row) => row.tabIndex === 0).length;
    return place < 0 ? document.activeElement.ariaLabel : `row ${place} of ${stops} stop`;
})()";

fn wait_for_address(browser: &Browser, part: &str) -> anyhow::Result<()> {
    browser.eventually(&format!("waiting for {part} in the address"), || {
        let address = browser.address()?;
        ensure!(address.contains(part), "found {address}");
        Ok(())
    })
}

fn reload(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let browser = fixture.browser("reload")?;
    browser.open_view(&instance.admin, "traces?section=failed&text=transfer")?;
    let check = || {
        let text = browser.wait_for_texts(&["POST /trouble/transfer/{from}/{to}", "deadlock"])?;
        ensure!(!text.contains("POST /faults/fail"), "the filter is lost");
        let value = browser.evaluate("document.querySelector('[data-filter]').value")?;
        ensure!(
            value == "transfer",
            "found {value} in the field of the filter"
        );
        wait_for_address(&browser, "section=failed&text=transfer")
    };
    check()?;
    browser.reload()?;
    check()
}

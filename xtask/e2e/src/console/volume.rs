//! Thousands of log lines and traces.
//!
//! The cases count elements and long tasks, because times differ between machines.

use std::{thread, time::Duration};

use anyhow::ensure;
use support::Cases;

use super::{Fixture, browser::Browser, instance::Instance};
use crate::background_load::Load;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("volume: 10,000 lines and 1,000 traces stay fluid", || {
        run(fixture)
    });
}

const LINES: u32 = 10_000;
const TRACES: u32 = 1_000;
/// The number of clients that cause the traces.
const CLIENTS: usize = 4;
/// The number of requests that write the lines.
const PARTS: u32 = 4;
/// The pause after each, in which the console asks for new lines.
const POLL: Duration = Duration::from_millis(2_500);
/// The largest number of elements of the page, whatever the number of rows.
const MAX_ELEMENTS: u64 = 2_000;
/// The largest number of changes to the page in one step.
///
/// All rows in sight change in it.
const MAX_CHANGES: u64 = 4_000;
/// How long a task may block the page, in milliseconds.
///
/// A machine that is also building takes many times as long as an idle one.
const MAX_TASK: u64 = 1_000;

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    // Room for the lines, and for a summary of each trace.
    let settings = [("FIRSTLIGHT_RECORDER_BYTES", "67108864")];
    let instance = Instance::start(&fixture.built, &fixture.server, "console_volume", &settings)?;
    let browser = fixture.browser("volume")?;
    browser.open_view(&instance.admin, "traces?section=failed")?;
    let url = format!("{}/faults/fail", instance.address);
    let load = Load::posts(CLIENTS, Duration::ZERO, url);
    wait_for_rows(&browser, TRACES)?;
    drop(load);
    scroll(&browser, TRACES)?;

    browser.open_view(&instance.admin, "logs")?;
    browser.wait_for_text("firstlight::http")?;
    // The console holds the lines that come while it is open.
    for _ in 0..PARTS {
        instance.post_for(&format!("/markup/lines/{}", LINES / PARTS), "", 200)?;
        thread::sleep(POLL);
    }
    browser.wait_for_text(&format!("numbered line {}", LINES / PARTS))?;
    wait_for_rows(&browser, LINES)?;
    scroll(&browser, LINES)?;
    let records = browser.take_records()?;
    records.check_silent()?;
    records.check_hosts(&instance.admin)
}

fn wait_for_rows(browser: &Browser, rows: u32) -> anyhow::Result<()> {
    let count = "Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount') ?? 0)";
    browser.eventually("waiting for all rows", || {
        let found = browser.number(count)?;
        // The row of the headings is counted too.
        ensure!(found > u64::from(rows), "found {found} rows of {rows}");
        Ok(())
    })
}

/// Scrolls through the list, and checks elements, changes and long tasks.
fn scroll(browser: &Browser, rows: u32) -> anyhow::Result<()> {
    browser.take_long_tasks()?;
    let found = browser.evaluate(SCROLL)?;
    let tasks = browser.take_long_tasks()?;
    let (elements, changes) = (found["elements"].as_u64(), found["changes"].as_u64());
    ensure!(
        elements.is_some_and(|elements| (1..=MAX_ELEMENTS).contains(&elements)),
        "{rows} rows: found {elements:?} elements, expected at most {MAX_ELEMENTS}"
    );
    ensure!(
        changes.is_some_and(|changes| (1..=MAX_CHANGES).contains(&changes)),
        "{rows} rows: found {changes:?} changes in one step, expected at most {MAX_CHANGES}"
    );
    ensure!(
        tasks.iter().all(|task| *task <= MAX_TASK),
        "{rows} rows: tasks took {tasks:?} ms, expected at most {MAX_TASK} ms"
    );
    Ok(())
}

/// Scrolls from the start to the end in 100 steps.
///
/// Returns the largest number of elements, and the largest number of changes in one step.
const SCROLL: &str = "(async () => {
    const grid = document.querySelector('[role=grid]');
    let [elements, most, changes] = [0, 0, 0];
    const observer = new MutationObserver((records) => { changes += records.length; });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    for (let step = 0; step <= 100; step += 1) {
        changes = 0;
        grid.scrollTop = (grid.scrollHeight - grid.clientHeight) * step / 100;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        elements = Math.max(elements, document.querySelectorAll('*').length);
        most = Math.max(most, changes);
    }
    observer.disconnect();
    return { elements, changes: most };
})()";

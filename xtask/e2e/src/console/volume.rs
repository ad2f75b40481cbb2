//! Thousands of log lines and traces.
//!
//! The cases count elements and long tasks, because times differ between machines.

use std::{thread, time::Duration};

use anyhow::ensure;
use support::Cases;

use super::{Fixture, browser::Browser, instance::Instance};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("volume: 10,000 lines and 1,000 traces stay fluid", || {
        run(fixture)
    });
}

const LINES: u32 = 10_000;
const TRACES: u32 = 1_000;
/// The largest number of elements of the page, whatever the number of rows.
const MAX_ELEMENTS: u64 = 3_000;
/// The largest number of long tasks while a list is scrolled through, and of their milliseconds in all.
const MAX_LONG_TASKS: usize = 10;
const MAX_LONG_MILLISECONDS: u64 = 2_000;

fn run(fixture: &Fixture) -> anyhow::Result<()> {
    // Room for the lines, and for a summary of each trace.
    let settings = [("FIRSTLIGHT_RECORDER_BYTES", "67108864")];
    let instance = Instance::start(&fixture.built, &fixture.server, "console_volume", &settings)?;
    for _ in 0..TRACES {
        instance.post_for("/faults/fail", "", 500)?;
    }
    let browser = fixture.browser("volume")?;
    browser.open_view(&instance.admin, "traces?section=failed")?;
    browser.wait_for_text("POST /faults/fail")?;
    scroll(&browser, TRACES)?;

    browser.open_view(&instance.admin, "logs")?;
    browser.wait_for_text("firstlight::http")?;
    // The console holds the lines that come while it is open.
    for _ in 0..10 {
        instance.post_for(&format!("/markup/lines/{}", LINES / 10), "", 200)?;
        thread::sleep(Duration::from_millis(2_500));
    }
    browser.wait_for_text(&format!("numbered line {}", LINES / 10))?;
    scroll(&browser, LINES)?;
    let records = browser.take_records()?;
    records.check_silent()?;
    records.check_hosts(&instance.admin)
}

/// Scrolls through the list of at least `rows` rows, and checks elements and long tasks.
fn scroll(browser: &Browser, rows: u32) -> anyhow::Result<()> {
    let count = "Number(document.querySelector('[role=grid]').getAttribute('aria-rowcount'))";
    browser.eventually("waiting for all rows", || {
        let found = browser.number(count)?;
        ensure!(found > u64::from(rows), "found {found} rows of {rows}");
        Ok(())
    })?;
    browser.take_long_tasks()?;
    let before = browser.processor_time()?;
    let elements = browser.number(SCROLL)?;
    let took = browser.processor_time()? - before;
    let tasks = browser.take_long_tasks()?;
    support::ui::line(format!(
        "DEBUG {rows} rows: {elements} elements, {took} s, tasks {tasks:?}"
    ));
    ensure!(
        elements <= MAX_ELEMENTS,
        "{rows} rows: the page has up to {elements} elements"
    );
    ensure!(
        tasks.len() <= MAX_LONG_TASKS && tasks.iter().sum::<u64>() <= MAX_LONG_MILLISECONDS,
        "{rows} rows: tasks took {tasks:?} ms"
    );
    Ok(())
}

/// Scrolls from the start to the end in 100 steps, and returns the largest number of elements.
const SCROLL: &str = "(async () => {
    const grid = document.querySelector('[role=grid]');
    let most = 0;
    for (let step = 0; step <= 100; step += 1) {
        grid.scrollTop = (grid.scrollHeight - grid.clientHeight) * step / 100;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        most = Math.max(most, document.querySelectorAll('*').length);
    }
    return most;
})()";

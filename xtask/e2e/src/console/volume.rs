//! Thousands of log lines and traces.
//!
//! The cases count elements and long tasks, because times differ between machines.

use std::{thread, time::Duration};

use anyhow::ensure;
use support::Cases;

use super::{
    Fixture,
    browser::Browser,
    instance::Instance,
    place::{button, css},
};
use crate::background_load::Load;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("volume: 10,000 lines and 1,000 traces stay fluid", || {
        run(fixture)
    });
}

/// The id of a trace that is not there.
const TRACE: &str = "00000000000000000000000000000001";
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
/// The largest number of rows in the document: those in sight, and some beyond.
const MAX_ROWS: u64 = 80;
/// How long half of the steps may take at most, in milliseconds.
///
/// Each step waits for two frames, which take 33 ms.
const MAX_MEDIAN: f64 = 250.0;
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
    // All sections together have a part of each.
    browser.open_view(&instance.admin, "traces?text=no-such-name")?;
    browser.wait_for_texts(&["No listed trace passes", "200 of "])?;
    browser.open_view(&instance.admin, &format!("traces?text={TRACE}"))?;
    browser.wait_for(&css(&format!("a[href='#/traces/{TRACE}']")))?;

    browser.open_view(&instance.admin, "logs")?;
    browser.wait_for_text("firstlight::http")?;
    // The way back to the end gives up the chosen line.
    choose_first(&browser)?;
    instance.post_for("/markup/lines/1", "", 200)?;
    browser.click(&button("↓ "))?;
    wait_for_chosen(&browser, 0)?;
    // So does a line that makes room for others.
    choose_first(&browser)?;
    // The console holds the lines that come while it is open.
    for _ in 0..PARTS {
        instance.post_for(&format!("/markup/lines/{}", LINES / PARTS), "", 200)?;
        thread::sleep(POLL);
    }
    wait_for_chosen(&browser, 0)?;
    // Escape would find nothing to take back.
    let is_chosen = browser.evaluate("import('/console/logs.js').then(({ back }) => back())")?;
    ensure!(is_chosen == false, "the line that is gone holds the tail");
    browser.evaluate("document.querySelector('.to-end')?.click()")?;
    browser.wait_for_text(&format!("numbered line {}", LINES / PARTS))?;
    // The rows are as many as the console holds, and that of the headings.
    wait_for_rows(&browser, LINES)?;
    scroll(&browser, LINES)?;
    let records = browser.take_records()?;
    records.check_silent()?;
    records.check_hosts(&instance.admin)
}

/// Chooses the first line in sight. The pointer would hold the list.
fn choose_first(browser: &Browser) -> anyhow::Result<()> {
    browser.evaluate("document.querySelector('[role=row][aria-selected]').click()")?;
    wait_for_chosen(browser, 1)
}

/// Waits until so many lines are chosen, whether they are in sight or not.
fn wait_for_chosen(browser: &Browser, expected: u64) -> anyhow::Result<()> {
    let count = "document.querySelectorAll('[aria-label=\"Log line\"]').length";
    browser.eventually("waiting for the chosen line", || {
        let found = browser.number(count)?;
        ensure!(found == expected, "{found} lines are chosen");
        Ok(())
    })
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
    let (drawn, median) = (found["rows"].as_u64(), found["median"].as_f64());
    ensure!(
        drawn.is_some_and(|drawn| (1..=MAX_ROWS).contains(&drawn)),
        "{rows} rows: found {drawn:?} in the document, expected at most {MAX_ROWS}"
    );
    ensure!(
        median.is_some_and(|median| median <= MAX_MEDIAN),
        "{rows} rows: half of the steps took more than {median:?} ms, expected at most {MAX_MEDIAN} ms"
    );
    ensure!(
        tasks.iter().all(|task| *task <= MAX_TASK),
        "{rows} rows: tasks took {tasks:?} ms, expected at most {MAX_TASK} ms"
    );
    Ok(())
}

/// Scrolls from the start to the end in 100 steps.
///
/// Returns the largest numbers of elements, of rows and of changes in one step, and the median time of a step.
const SCROLL: &str = "(async () => {
    const grid = document.querySelector('[role=grid]');
    let [elements, rows, most, changes] = [0, 0, 0, 0];
    const times = [];
    const observer = new MutationObserver((records) => { changes += records.length; });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    for (let step = 0; step <= 100; step += 1) {
        changes = 0;
        const start = performance.now();
        grid.scrollTop = (grid.scrollHeight - grid.clientHeight) * step / 100;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        times.push(performance.now() - start);
        rows = Math.max(rows, document.querySelectorAll('[role=row]').length);
        elements = Math.max(elements, document.querySelectorAll('*').length);
        most = Math.max(most, changes);
    }
    observer.disconnect();
    return { elements, rows, changes: most, median: times.sort((a, b) => a - b)[50] };
})()";

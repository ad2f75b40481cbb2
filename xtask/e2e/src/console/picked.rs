//! The charts of picked metrics.

use anyhow::ensure;
use support::Cases;

use super::{
    Fixture,
    browser::Browser,
    instance::Instance,
    place::{button, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    cases.check("metrics: the chart of each pick goes on", || {
        run(fixture, instance)
    });
}

const METRIC: &str = "http_server_request_duration_seconds";

fn run(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let browser = fixture.browser("metrics")?;
    browser.open_view(&instance.admin, &format!("metrics?metric={METRIC}"))?;
    wait_for_points(&browser, 2)?;
    browser.click(&link("process_start_time_seconds"))?;
    // A moment is a date, and the sum of several means nothing.
    browser.wait_for_text("a point in time")?;
    browser.click(&link(METRIC))?;
    browser.wait_for_text("Copy as PromQL")?;
    wait_for_points(&browser, 1)?;
    let points = browser.number(POINTS)?;
    ensure!(points >= 2, "{points} points are left");

    browser
        .evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")?;
    for (name, text) in [
        (
            "Copy as PromQL",
            "histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))",
        ),
        ("Copy curl", "curl '"),
    ] {
        browser.click(&button(name))?;
        browser.eventually(name, || {
            let copied = browser.evaluate("window.copied ?? ''")?;
            let is_copied = copied
                .as_str()
                .is_some_and(|copied| copied.starts_with(text));
            ensure!(is_copied, "found {copied}");
            Ok(())
        })?;
    }

    // The samples of many series for an hour take no more memory than what is drawn of them.
    let size = browser.number(SIZE)?;
    ensure!(
        size < 1_000_000,
        "the picked metric takes {size} characters"
    );
    browser.take_records()?.check_silent()
}

fn wait_for_points(browser: &Browser, least: u64) -> anyhow::Result<()> {
    browser.eventually("waiting for points of the chart", || {
        let points = browser.number(POINTS)?;
        ensure!(points >= least, "found {points} points");
        Ok(())
    })
}

/// The number of points that are drawn of the picked metric.
const POINTS: &str = "document
    .querySelector('svg[aria-label^=\"http_server_request_duration_seconds, now\"] .line')
    ?.getAttribute('d').split('L').length ?? 0";

/// The size of what is kept of 100 series with 15 buckets after 720 scrapes.
const SIZE: &str = "import('/console/picked.js').then(({ pick }) => {
    const of = {};
    const familiesAt = (scrape) => new Map([['busy', {
        name: 'busy',
        type: 'histogram',
        series: new Map(Array.from({ length: 100 }, (_, number) => [`route=${number}`, {
            key: `route=${number}`,
            labels: { route: String(number) },
            count: scrape * number,
            sum: scrape,
            buckets: Array.from({ length: 15 }, (_, bucket) => [bucket, scrape * number]),
        }])),
    }]]);
    let last = null;
    for (let scrape = 1; scrape <= 720; scrape += 1) {
        const next = { at: scrape * 5_000, families: familiesAt(scrape), last };
        pick('busy', ['route'], next, of);
        last = { at: next.at, families: next.families };
    }
    const { lines, rates, times } = pick('busy', ['route'], { at: 720 * 5_000, families: new Map(), last }, of);
    if (times.length < 700 || lines.size === 0) throw new Error('the lines are missing');
    return JSON.stringify([...lines, ...rates, times]).length;
})";

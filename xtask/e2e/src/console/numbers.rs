//! What a saved file with known numbers shows.

use std::fs;

use anyhow::ensure;
use serde_json::{Value, json};
use support::Cases;

use super::{
    Fixture,
    instance::Instance,
    place::{button, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    cases.check("numbers: as in the file, and unusual ones", || {
        run(fixture, instance)
    });
}

fn run(fixture: &Fixture, instance: &Instance) -> anyhow::Result<()> {
    let browser = fixture.browser("numbers")?;
    browser.open(&instance.admin)?;
    browser.wait_for_text("Requests per second")?;
    let states = browser.evaluate(STATES)?;
    let expected = json!([1, 1, 1, 9, true, "late"]);
    ensure!(states == expected, "found {states}");
    let file = browser.folder.join("numbers.json");
    fs::write(&file, saved().to_string())?;
    browser.choose_file(&button("Open"), &file)?;
    // The 99th percentile is of more than a minute ago.
    let text = browser.wait_for_texts(&[
        "12.5/s",
        "0.50/s",
        "4.0 % of them",
        "21.0 ms",
        "p50 2.1 ms · p99 –",
        "7 of 8",
        "GET /unknown\t–\t–",
    ])?;
    ensure!(
        !text.contains("999"),
        "an old value is shown as a current one: {text}"
    );

    browser.click(&link("Errors"))?;
    let text = browser.wait_for_texts(&["place-of-the-old", "place-of-the-new"])?;
    let is_first = text.find("place-of-the-new") < text.find("place-of-the-old");
    ensure!(is_first, "the new group is not the first one: {text}");

    // The clock of the service is a day ahead, and the axis of a chart is of the service.
    browser.click(&link("Metrics"))?;
    browser.click(&link("below_zero"))?;
    browser.wait_for_texts(&["-40", "23:59:00"])?;

    let found = browser.evaluate(UNUSUAL)?;
    let expected = json!([
        "0.0004",
        "∞",
        "∞",
        "< 0.1 %",
        "–",
        "2026-01-02 03:04:05 UTC",
        "99 of 100 used",
        "1 of 100 used",
        "b,a",
        "a,b",
    ]);
    ensure!(found == expected, "found {found}");
    browser.take_records()?.check_silent()
}

/// A file with the parts that are looked at.
fn saved() -> Value {
    let mut p99 = vec![json!(null); 20];
    p99[0] = json!(999);
    let column = |value: f64| vec![value; 20];
    let numbers = json!({
        "kind": "request",
        "name": "GET /numbers",
        "rate": column(12.5),
        "failed": column(0.5),
        "p50": column(0.0021),
        "p95": column(0.021),
        "p99": p99,
    });
    let mut unknown = numbers.clone();
    unknown["name"] = json!("GET /unknown");
    for column in ["rate", "failed"] {
        unknown[column][19] = Value::Null;
    }
    let group = |place: &str, is_new: bool, last_seen: &str| {
        json!({
            "place": place,
            "fingerprint": place,
            "is_new": is_new,
            "count": 3,
            "example": "an error",
            "rate_per_second": 0.1,
            "first_seen": "2026-01-01T00:00:00Z",
            "last_seen": last_seen,
        })
    };
    json!({
        "console": 1,
        "service": "numbers",
        "saved": "2026-01-01T23:59:00Z",
        "explain": {"verdict": "healthy", "findings": []},
        "history": {
            "time": "2026-01-01T23:59:00Z",
            "first": 0,
            "end": 20,
            "interval_seconds": 5,
            "roots": [numbers, unknown],
            "all": [numbers],
            "gauges": [{
                "metric": "db_client_connections_used",
                "labels": {"pool": "main"},
                "unit": "{connection}",
                "limit": 8,
                "values": column(7.0),
            }],
        },
        "errors": {
            "since": "2026-01-01T00:00:00Z",
            "last_process_is_known": true,
            "removed_groups": 0,
            "errors": [
                group("place-of-the-old", false, "2026-01-01T23:00:00Z"),
                group("place-of-the-new", true, "2026-01-01T22:00:00Z"),
            ],
        },
        "metrics": "# TYPE below_zero gauge\nbelow_zero -40\n",
    })
}

/// The past of a counter, the name of a refusal, and the series that are kept.
const STATES: &str = "(async () => {
    const { earlier } = await import('/console/recent.js');
    const { waiting } = await import('/console/parts.js');
    const refused = waiting({ data: null, error: { status: 404, message: 'the flight recorder is off: unset it' } });
    const { mergeHistory } = await import('/console/resources.js');
    const gauge = (metric, place) => ({ metric, labels: {}, values: new Array(180).fill(null).with(place, 1) });
    const old = { first: 0, end: 180, roots: [], all: [], gauges: [gauge('early', 0), gauge('late', 1)] };
    const kept = mergeHistory(old, { first: 180, end: 181, roots: [], all: [], gauges: [] });
    return [
        earlier('test', 1, 0), earlier('test', 5, 60_000), earlier('test', 9, 300_000), earlier('test', 9, 700_000),
        JSON.stringify(refused).includes('The flight recorder is off'),
        kept.gauges.map(({ metric }) => metric).join(),
    ];
})()";

/// Rare numbers, pools of many connections, and the order of a list in use.
const UNUSUAL: &str = "(async () => {
    const { bytes, count, day, percent, inUnit } = await import('/console/format.js');
    const { cellsOf } = await import('/console/database.js');
    const { inOrder } = await import('/console/held.js');
    const used = (...pool) => `${cellsOf(...pool).filter((state) => state === 'used').length} of 100 used`;
    const list = document.body.appendChild(document.createElement('button'));
    const order = (rows) => {
        const { rows: ordered, drawn } = inOrder('test', rows, (row) => row);
        drawn(list);
        return ordered.join();
    };
    order(['b', 'a']);
    list.focus();
    const held = order(['a', 'b']);
    list.blur();
    const free = order(['a', 'b']);
    list.remove();
    return [
        count(0.0004), count(Infinity), bytes(Infinity), percent(0.0002), day(Infinity),
        inUnit(Date.UTC(2026, 0, 2, 3, 4, 5) / 1e3, 'time'), used(499, 1, 500), used(1, 0, 500), held, free,
    ];
})()";

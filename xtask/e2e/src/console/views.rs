//! Every view on live data: its texts, messages, requests and accessibility.

use anyhow::{Context as _, ensure};
use support::Cases;
use thirtyfour::Key;

use super::{
    Fixture,
    appearance::Theme,
    browser::{Browser, HEIGHT, WIDTH},
    instance::Instance,
    place::button,
};

/// A view, and texts that it shows only with data of the service.
struct View {
    title: &'static str,
    /// The view's part of the address.
    address: &'static str,
    texts: &'static [&'static str],
}

const VIEWS: [View; 10] = [
    View {
        title: "now",
        address: "now",
        texts: &[
            "Requests per second",
            "POST /faults/fail",
            "process charges",
            "Memory",
        ],
    },
    View {
        title: "traces",
        address: "traces",
        texts: &["GET /orders/stats", "POST /orders"],
    },
    View {
        title: "failed traces",
        address: "traces?section=failed",
        texts: &["POST /faults/fail", "out of ink"],
    },
    View {
        title: "logs",
        address: "logs",
        texts: &["request failed", "job charge: succeeded", "Log filter"],
    },
    View {
        title: "one metric",
        address: "metrics?metric=http_server_request_duration_seconds",
        texts: &["histogram", "/faults/fail", "Traces of the largest samples"],
    },
    View {
        title: "metrics",
        address: "metrics",
        texts: &["Cardinality", "faults_flood_total", "customer"],
    },
    View {
        title: "database",
        address: "database",
        texts: &[
            "SELECT accounts",
            "UPDATE accounts",
            "40P01",
            "/faults/n-plus-one/{times}",
        ],
    },
    View {
        title: "work",
        address: "work",
        texts: &["charges", "tick", "prices", "dead letters"],
    },
    View {
        title: "errors",
        address: "errors",
        texts: &["src/error.rs", "out of ink", "in POST /faults/fail"],
    },
    View {
        title: "telemetry",
        address: "telemetry",
        texts: &[
            "database: ok",
            "faults_flood_total",
            "FIRSTLIGHT_RECORDER_FILE",
        ],
    },
];

/// A theme and a width in pixels, to which the open page adapts.
const APPEARANCES: [(&str, Theme, u32); 3] = [
    ("light", Theme::Light, WIDTH),
    ("dark", Theme::Dark, WIDTH),
    ("dark, 360 px wide", Theme::Dark, 360),
];

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    for View {
        title,
        address,
        texts,
    } in VIEWS
    {
        cases.check(
            &format!("view: {title}: live, silent, accessible, own host only"),
            || {
                let browser = fixture.browser(&format!("view-{}", title.replace(' ', "-")))?;
                browser.open_view(&instance.admin, address)?;
                check_appearances(fixture, &browser, texts)?;
                let records = browser.take_records()?;
                records.check_silent()?;
                records.check_hosts(&instance.admin)
            },
        );
    }
    cases.check("view: one trace: live, silent, accessible", || {
        one_trace(fixture)
    });
    cases.check("view: work: each schedule says when it runs next", || {
        let browser = fixture.browser("view-work-next")?;
        browser.open_view(&instance.admin, "work")?;
        browser.eventually("reading the schedules", || {
            let next_runs = browser.evaluate(NEXT_RUNS)?;
            let next_runs: Vec<String> = serde_json::from_value(next_runs)?;
            ensure!(!next_runs.is_empty(), "there are no schedules");
            // A schedule may be due since the last scrape.
            let is_time =
                |text: &String| text.starts_with("in ") || text.ends_with(" ago") || text == "now";
            ensure!(next_runs.iter().all(is_time), "{next_runs:?}");
            Ok(())
        })
    });
}

/// The cells of the column *Next run*.
const NEXT_RUNS: &str = "(() => {
    const table = document.querySelector('[aria-label=Schedules] table');
    const titles = [...table.querySelectorAll('th')].map((cell) => cell.innerText);
    const column = titles.findIndex((title) => title.toLowerCase() === 'next run');
    return [...table.querySelectorAll('tbody tr')].map((row) => row.cells[column].innerText);
})()";

/// Opens the trace of a request that repeats a statement for each row of a list.
fn one_trace(fixture: &Fixture) -> anyhow::Result<()> {
    // Under load, the flight recorder keeps a successful request only for a moment.
    let instance = Instance::start(&fixture.built, &fixture.server, "console_trace", &[])?;
    let traced = [("traceparent", &*format!("00-{TRACE}-c11e0000000000aa-01"))];
    instance.post("/faults/n-plus-one/30", &traced, "")?;
    instance.post("/faults/fail", &traced, "")?;
    let browser = fixture.browser("view-one-trace")?;
    browser.open_view(&instance.admin, &format!("traces/{TRACE}"))?;
    let texts = [
        "POST /faults/n-plus-one/{times}",
        "N+1",
        "× 30",
        "2 requests",
        "out of ink",
    ];
    check_appearances(fixture, &browser, &texts)?;
    browser.click(&button("SELECT accounts"))?;
    check_appearances(
        fixture,
        &browser,
        &["One statement for a list", "WHERE id = $1"],
    )?;
    // The page before this one is not of the console.
    browser.press(Key::Escape)?;
    browser.press(Key::Escape)?;
    browser.wait_for_text("Recent")?;
    let address = browser.address()?;
    ensure!(address.ends_with("#/traces"), "found {address}");
    browser.take_records()?.check_silent()
}

const TRACE: &str = "3a4c00000000000000000000000000bb";

fn check_appearances(fixture: &Fixture, browser: &Browser, texts: &[&str]) -> anyhow::Result<()> {
    for (appearance, theme, width) in APPEARANCES {
        browser.set_theme(theme)?;
        browser.set_size(width, HEIGHT)?;
        check(fixture, browser, texts).with_context(|| appearance.to_owned())?;
        let picture = browser.folder.join(appearance).with_extension("png");
        browser.screenshot(&picture)?;
    }
    Ok(())
}

fn check(fixture: &Fixture, browser: &Browser, texts: &[&str]) -> anyhow::Result<()> {
    browser.wait_for_texts(texts)?;
    browser.check_accessibility(&fixture.axe)?;
    let width = browser.number("document.documentElement.scrollWidth")?;
    let visible = browser.number("document.documentElement.clientWidth")?;
    ensure!(
        width <= visible,
        "the page is {width} pixels wide, and {visible} are visible"
    );
    Ok(())
}

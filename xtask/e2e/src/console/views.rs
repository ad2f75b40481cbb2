//! Every view on live data: its texts, messages, requests and accessibility.

use anyhow::{Context as _, ensure};
use support::Cases;

use super::{
    Fixture,
    appearance::Theme,
    browser::{Browser, HEIGHT, WIDTH},
    instance::Instance,
};

/// A view, and texts that it shows only with data of the service.
struct View {
    /// The name in the address.
    name: &'static str,
    texts: &'static [&'static str],
}

const VIEWS: [View; 9] = [
    View {
        name: "now",
        texts: &[
            "Requests per second",
            "POST /faults/fail",
            "process charges",
            "Memory",
        ],
    },
    View {
        name: "traces",
        texts: &["GET /orders/stats", "POST /orders"],
    },
    View {
        name: "traces?section=failed",
        texts: &["POST /faults/fail", "out of ink"],
    },
    View {
        name: "logs",
        texts: &["request failed", "job charge: succeeded", "Log filter"],
    },
    View {
        name: "metrics?metric=http_server_request_duration_seconds",
        texts: &["histogram", "/faults/fail", "Traces of the largest samples"],
    },
    View {
        name: "database",
        texts: &[
            "SELECT accounts",
            "UPDATE accounts",
            "40P01",
            "/faults/n-plus-one/{times}",
        ],
    },
    View {
        name: "work",
        texts: &["charges", "tick", "prices", "dead letters"],
    },
    View {
        name: "errors",
        texts: &["src/error.rs", "out of ink", "in POST /faults/fail"],
    },
    View {
        name: "telemetry",
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
    for View { name, texts } in VIEWS {
        cases.check(&format!("view: {name} shows live data"), || {
            let view = name.split('?').next().unwrap_or(name);
            let browser = fixture.browser(&format!("view-{view}-{}", name.len()))?;
            browser.open_view(&instance.admin, name)?;
            for (appearance, theme, width) in APPEARANCES {
                browser.set_theme(theme)?;
                browser.set_size(width, HEIGHT)?;
                check(fixture, &browser, texts).with_context(|| appearance.to_owned())?;
            }
            let records = browser.take_records()?;
            records.check_silent()?;
            records.check_hosts(&instance.admin)
        });
    }
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

//! Every view on live data: its texts, messages, requests and accessibility.

use anyhow::{Context as _, ensure};
use support::Cases;

use super::{
    Fixture,
    appearance::Theme,
    browser::{BLANK, Browser},
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

/// A theme and a width in pixels.
const APPEARANCES: [(&str, Theme, u32); 4] = [
    ("light", Theme::Light, DESKTOP),
    ("dark", Theme::Dark, DESKTOP),
    ("light, 360 px wide", Theme::Light, PHONE),
    ("dark, 360 px wide", Theme::Dark, PHONE),
];

const DESKTOP: u32 = 1_280;
const PHONE: u32 = 360;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) {
    for View { name, texts } in VIEWS {
        cases.check(&format!("view: {name} shows live data"), || {
            let view = name.split('?').next().unwrap_or(name);
            let browser = fixture.browser(&format!("view-{view}-{}", name.len()))?;
            for (appearance, theme, width) in APPEARANCES {
                browser.set_theme(theme)?;
                browser.set_size(width, 800)?;
                // From another page, the view is loaded anew, and not only its fragment.
                browser.open(BLANK)?;
                browser.open_view(&instance.admin, name)?;
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

//! Alone in its file: it installs what is global in a process.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use firstlight::TelemetryConfig;
use support::ask;

#[test]
fn whoever_replaces_our_globals_is_named_on_the_status_page() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    let page = || ask(address, "GET /telemetry").body;
    let notes = || telemetry.check(Duration::from_secs(60)).to_string();
    assert!(page().contains("\ncrates: works\n"), "{}", page());
    assert!(page().contains("\n  seen: opentelemetry 0."), "{}", page());
    assert!(!notes().contains("replaced"), "{}", notes());

    opentelemetry::global::set_tracer_provider(
        opentelemetry_sdk::trace::SdkTracerProvider::default(),
    );
    for text in [page(), notes()] {
        assert!(
            text.contains("replaced the global tracer provider")
                && !text.contains("replaced the global propagator"),
            "{text}"
        );
    }
    opentelemetry::global::set_text_map_propagator(
        opentelemetry_sdk::propagation::TraceContextPropagator::new(),
    );
    for text in [page(), notes()] {
        assert!(text.contains("replaced the global propagator"), "{text}");
    }
    assert!(page().contains("\ncrates: needs attention\n"), "{}", page());
}

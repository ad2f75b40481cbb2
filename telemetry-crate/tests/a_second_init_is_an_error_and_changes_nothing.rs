//! Alone in its file: it installs what is global in a process.

#![expect(clippy::unwrap_used, reason = "tests")]

use firstlight::{InitError, TelemetryConfig};

#[test]
fn a_second_init_is_an_error_and_changes_nothing() {
    let first = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    metrics::counter!("made_by_the_first").increment(1);
    let built_before = firstlight::init().unwrap_err();
    assert!(
        matches!(built_before, InitError::AlreadyInitialized),
        "{built_before}"
    );
    assert!(
        built_before.to_string().contains("call init() once"),
        "{built_before}"
    );

    metrics::counter!("made_by_the_first").increment(1);
    let page = first.metrics().render(firstlight::metrics::Format::Text);
    assert!(page.contains("\nmade_by_the_first_total 2\n"), "{page}");
    first.shutdown(std::time::Duration::from_secs(10)).unwrap();
    assert!(
        matches!(
            firstlight::init().unwrap_err(),
            InitError::AlreadyInitialized
        ),
        "one telemetry in a process, ever"
    );
}

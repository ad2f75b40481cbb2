//! Alone in its file: `tracing` remembers of each callsite in the process whether anybody wants it.

#![cfg(feature = "testing")]

use std::thread;

use firstlight::testing::capture;

fn act() {
    let _span = tracing::info_span!("act").entered();
    tracing::info!("acted");
}

#[test]
fn a_test_without_a_capture_hides_nothing_from_one() {
    let capture = capture();
    // The first to come by, with the one subscriber of the process on another thread.
    let other = thread::spawn(act).join();
    assert!(other.is_ok());
    assert_eq!(capture.logs(), []);
    act();
    capture.assert_log("acted").once();
    capture.assert_span("act").once();
}

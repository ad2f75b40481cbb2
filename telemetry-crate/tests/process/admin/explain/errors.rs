//! Tests of the rule about new errors.

use super::{caused, words};
use crate::support::explanation::{Explanation, wait};

pub(super) fn new() {
    let file = words("errors");
    let variables = [("FIRSTLIGHT_RECORDER_FILE", file.to_str().unwrap())];
    let (mut first, admin) = caused("errors", &variables);
    let sentence = "errors outside of failed requests, jobs and runs since the start, of which some may be new: 1";
    let found = wait(admin, "new errors", sentence);
    assert_eq!(found.severity(), "note");
    assert_eq!(first.end().0, Some(0));

    let (mut second, admin) = caused("new errors", &variables);
    let found = wait(
        admin,
        "new errors",
        "errors that the last process did not know: 1",
    );
    assert_eq!(found.evidence().len(), 1, "{found:#?}");
    found.shown_by(&["1 time at ", "causes.rs:", ": the bank is closed"]);
    let errors = found.answer_of("/errors?since=start");
    assert!(errors.contains("the bank is closed"), "{errors}");
    found.has_no_runbook();
    // A clean end is no finding.
    assert!(Explanation::of(admin).fine().contains(&"the last process"));
    second.end();
}

/// Failed requests do not hide panics elsewhere.
pub(super) fn panics() {
    let (mut scenario, admin) = caused("panics", &[]);
    wait(admin, "failures", "1103 root spans have failed in ");
    let sentence = "errors outside of failed requests, jobs and runs since the start, of which some may be new: 1";
    let found = wait(admin, "new errors", sentence);
    assert_eq!(found.severity(), "warning");
    found.shown_by(&["3 times at ", "causes.rs:", "out of paper"]);
    scenario.end();
}

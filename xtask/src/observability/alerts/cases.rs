//! What `cargo xtask test` checks of the alerts without a running service.

use crate::test::Cases;

/// All of it.
pub(crate) fn cases(cases: &mut Cases) {
    cases.check(
        "the alerts that are committed are those that the code says",
        super::unchanged,
    );
}

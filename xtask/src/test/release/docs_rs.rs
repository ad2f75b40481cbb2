//! The documentation as docs.rs builds it.

use support::{Cases, toolchains};

use super::crate_file;

/// Documents the package with a nightly compiler, as docs.rs does.
///
/// The suite `docs` builds the same with rustdoc of the default toolchain.
pub(super) fn with_nightly(cases: &mut Cases) {
    let name = "docs.rs: the package builds with a nightly compiler";
    let Some(nightly) = toolchains::of("nightly") else {
        return cases.unchecked(
            name,
            "no nightly toolchain; with `rustup toolchain install nightly`, this suite builds with it",
        );
    };
    match crate_file::in_package("cargo") {
        Ok(mut doc) => {
            doc.arg(format!("+{nightly}"))
                .args(["doc", "--no-deps", "--lib", "--all-features", "--locked"])
                .env("RUSTDOCFLAGS", "--cfg docsrs --deny warnings");
            cases.command(name, &mut doc, |_| Ok(()));
        }
        Err(error) => cases.failed(name, &error),
    }
}

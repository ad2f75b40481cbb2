//! The section about the crates that have globals.
//!
//! It says whether the program has replaced firstlight's globals, whether a crate is in the program in two versions, and
//! whether a feature of `tracing` has removed levels.
//! The section `logs` covers the global subscriber.

use super::{Item, Section, State, Status, integrations, missing_levels, versions};
use crate::traces;

impl Status {
    /// Returns one sentence per global of firstlight that the program has replaced.
    pub(super) fn replaced(&self) -> Vec<String> {
        let mut replaced = Vec::new();
        if !traces::is_propagator_registered(&self.settings.propagators) {
            replaced.push("the program has replaced the global propagator of `opentelemetry` after the start, so requests go out without this process's trace context: remove the call of `set_text_map_propagator`".to_owned());
        }
        if !traces::is_provider_registered() {
            replaced.push("the program has replaced the global tracer provider of `opentelemetry` after the start, so spans of libraries that use it directly go elsewhere: remove the call of `set_tracer_provider`".to_owned());
        }
        replaced
    }

    pub(super) fn crates(&self) -> Section {
        let versions = versions();
        let mut wrong = self.replaced();
        let is_ours = wrong.is_empty();
        wrong.extend(versions.duplicates());
        wrong.extend(missing_levels());
        let (state, detail) = if !wrong.is_empty() {
            (State::Fails, wrong.join("; "))
        } else if versions.seen().is_empty() {
            let detail = "the executable has no paths of its crates; `cargo tree --duplicates` lists crates in two versions";
            (State::Unknown, detail.to_owned())
        } else {
            (State::Works, String::new())
        };
        let mut section = Section::new("crates", state, detail)
            .with("firstlight", Item::text(env!("CARGO_PKG_VERSION")))
            .with("seen", Item::List(versions.seen()));
        let unobserved = integrations::unobserved(versions);
        if !unobserved.is_empty() {
            section = section.with("not_observed", Item::List(unobserved));
        }
        if versions.duplicates().is_empty() {
            section = section.with("caution", Item::text("a second version of `metrics` or `opentelemetry` is seen if its files' paths are in the executable, which a release build may not keep; `cargo tree --duplicates` lists them"));
        }
        section
            .with(
                "metrics",
                // The start fails if the recorder cannot be registered, and a registered recorder cannot be replaced.
                Item::text("the global recorder is firstlight's"),
            )
            .with(
                "opentelemetry",
                Item::text(if is_ours {
                    "the global propagator and tracer provider are firstlight's"
                } else {
                    "not all globals are firstlight's"
                }),
            )
    }
}

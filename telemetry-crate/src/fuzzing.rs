//! Fuzz targets: checks of the code that reads bytes of others.
//!
//! They exist in tests, and for a fuzzer, which sets `cfg(fuzzing)`. The book's page about fuzzing describes how to run
//! them. The file of the last words has its own targets in `xtask/fuzz`.

#[cfg(test)]
mod mutation;
#[cfg(test)]
mod tests;

/// A check of any bytes, which panics if the library breaks a promise.
pub type Check = fn(&[u8]);

/// All targets by name, which is also the name of the folder of their seeds.
pub const TARGETS: &[(&str, Check)] = &[
    ("admin", crate::admin::fuzz::check),
    ("client_address", crate::http::fuzz::check),
    ("collector", crate::export::fuzz::check),
    ("environment", crate::config::fuzz::check),
    ("metrics", crate::metrics::fuzz::check),
    ("propagation", crate::traces::fuzz::check),
    ("secrets", crate::secret::fuzz::check),
    #[cfg(feature = "db")]
    ("sql", crate::db::fuzz::check),
];

/// Runs the check of the target `name`.
///
/// # Panics
///
/// If the library breaks a promise, or has no such target.
pub fn check(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    assert!(target.is_some(), "no fuzz target {name}");
    if let Some((_, check)) = target {
        check(bytes);
    }
}

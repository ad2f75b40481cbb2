//! Detection of crates that are in the program in two versions.
//!
//! `metrics`, `opentelemetry` and `tracing` have globals, and each version of a crate has its own
//! globals. Telemetry that a library records with another version is lost without an error. No type
//! or function shows that a second version exists, but the executable does: code that can panic
//! contains the path of its source file, such as `.../metrics-0.24.6/src/cow.rs`.
//!
//! A version that is found is in the program. A second version may be in the program and not be
//! found: a stripped release build contains the paths of `opentelemetry`, but not always those of
//! `metrics`, because little code of `metrics` remains. An unoptimized build contains the paths of
//! all these crates. Vendored, patched and remapped paths have no version and are not found.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufRead, BufReader, Read},
    sync::OnceLock,
    thread,
};

use super::integrations;

/// The crates to look for, and the telemetry that a second version loses.
const CRATES: [(&str, &str); 5] = [
    ("metrics", "metrics"),
    ("opentelemetry", "spans and trace context"),
    ("opentelemetry_sdk", "spans and trace context"),
    ("tracing-core", "spans and log lines"),
    (
        "tracing-opentelemetry",
        "attributes, links and parents of spans",
    ),
];

/// The largest number of bytes that are read from the executable.
///
/// A slow disk needs a few seconds for them.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The size limit in bytes of a crate's name with its version.
///
/// All names of [`CRATES`] with their versions are shorter.
const MAX_NAME: usize = 64;

const THREAD: &str = "firstlight-crates";

/// The versions of the crates whose paths are in an executable.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    seen: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Returns the versions in this program.
///
/// Reads the executable once, which blocks the calling thread for a moment.
pub(crate) fn versions() -> &'static Versions {
    static FOUND: OnceLock<Versions> = OnceLock::new();
    FOUND.get_or_init(|| {
        let program = if cfg!(target_os = "linux") {
            // This path is the running executable, even if its file was replaced.
            File::open("/proc/self/exe")
        } else {
            std::env::current_exe().and_then(File::open)
        };
        // If the executable cannot be read, no version is found.
        program
            .and_then(|file| Versions::read(BufReader::new(file.take(MAX_BYTES))))
            .unwrap_or_default()
    })
}

/// Logs crates that are in the program twice or are not observed.
///
/// The check runs in a thread, so that the start does not wait for the disk.
pub(crate) fn report_versions() {
    // If the thread cannot start, the warning is missing. `/telemetry` also reports duplicates.
    let _ = thread::Builder::new().name(THREAD.to_owned()).spawn(|| {
        let duplicates = versions().duplicates();
        if !duplicates.is_empty() {
            tracing::warn!(target: "firstlight", "{}", duplicates.join("; "));
        }
        // Only information, because a library may use the crate where nothing is missed.
        for unobserved in integrations::unobserved(versions()) {
            tracing::info!(target: "firstlight", "{unobserved}");
        }
    });
}

impl Versions {
    /// Finds each `/<crate>-<version>/src/`.
    ///
    /// Searches for slashes, which the standard library finds quickly even in an unoptimized build.
    fn read(mut bytes: impl BufRead) -> io::Result<Self> {
        let mut versions = Self::default();
        let (mut name, mut previous) = (Vec::new(), Vec::new());
        loop {
            name.clear();
            let length = (&mut bytes)
                .take(MAX_NAME as u64)
                .read_until(b'/', &mut name)?;
            if length == 0 {
                return Ok(versions);
            }
            if name.pop_if(|last| *last == b'/').is_none() {
                // The text between two slashes is longer than a name, or the input ends without a slash.
                bytes.skip_until(b'/')?;
                previous.clear();
                continue;
            }
            if name == b"src" {
                versions.note(&previous);
            }
            std::mem::swap(&mut name, &mut previous);
        }
    }

    /// The versions of a crate.
    pub(super) fn of(&self, name: &str) -> impl Iterator<Item = &str> {
        let versions = self.seen.get(name).into_iter().flatten();
        versions.map(String::as_str)
    }

    /// Records a directory name such as `metrics-0.24.6`.
    fn note(&mut self, name: &[u8]) {
        let Ok(name) = std::str::from_utf8(name) else {
            return;
        };
        let known = CRATES.iter().map(|(name, _)| *name);
        for known in known.chain(integrations::names()) {
            let version = name
                .strip_prefix(known)
                .and_then(|rest| rest.strip_prefix('-'));
            if let Some(version) = version.filter(|version| is_version(version)) {
                let seen = self.seen.entry(known).or_default();
                seen.insert(version.to_owned());
            }
        }
    }

    /// Returns the crates with their versions, such as `metrics 0.24.6`.
    pub(crate) fn seen(&self) -> Vec<String> {
        let all = self.seen.iter();
        all.map(|(name, versions)| format!("{name} {}", list(versions, " and ")))
            .collect()
    }

    /// Returns one sentence per crate with two versions.
    ///
    /// The sentence says what is lost and how to find the crates that use each version.
    pub(crate) fn duplicates(&self) -> Vec<String> {
        let duplicates = CRATES.iter().filter_map(|(name, lost)| {
            let versions = self.seen.get(name).filter(|versions| versions.len() > 1)?;
            Some(format!(
                "the program contains {name} {}: {lost} are lost if they are recorded with another version than firstlight's; `cargo tree -i {name}@{}` show which crates use each version: bring all to one",
                list(versions, " and "),
                list(versions, &format!("` and `cargo tree -i {name}@")),
            ))
        });
        duplicates.collect()
    }
}

fn list(versions: &BTreeSet<String>, separator: &str) -> String {
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    versions.join(separator)
}

/// Whether the text is three numbers, optionally with a pre-release.
fn is_version(text: &str) -> bool {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = numbers.split('.');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (0..3).all(|_| parts.next().is_some_and(is_number)) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn paths_reveal_two_versions() {
        let mut program = vec![0_u8; 100_000];
        // Assembled here, because literals would be in this executable, where the test below would find them.
        for (name, file) in [
            ("metrics-0.24.6", "/src/cow.rs"),
            ("metrics-0.23.1", "/src/lib.rs/registry"),
            ("metrics-0.24.6", "/src/lib.rs"),
            ("metrics-util-0.20.4", "/src/lib.rs"),
            ("metrics-0.22.0", "/build.rs"),
            ("metrics-old", "/src/lib.rs"),
            ("opentelemetry-0.33.1", "/src/global/mod.rs"),
            ("opentelemetry_sdk-0.33.0-rc.1", "/src/"),
        ] {
            program.extend_from_slice(format!("/registry/{name}{file}").as_bytes());
            program.extend_from_slice(&[0xff; 300]);
        }
        // The result must not depend on the size of the reads.
        for size in [1, 7, 64, 8192] {
            let versions = Versions::read(BufReader::with_capacity(size, &*program)).unwrap();
            assert_eq!(
                versions.seen(),
                [
                    "metrics 0.23.1 and 0.24.6",
                    "opentelemetry 0.33.1",
                    "opentelemetry_sdk 0.33.0-rc.1"
                ]
            );
            let duplicates = versions.duplicates();
            assert_eq!(duplicates.len(), 1);
            assert!(
                duplicates[0]
                    .contains("`cargo tree -i metrics@0.23.1` and `cargo tree -i metrics@0.24.6`"),
                "{duplicates:?}"
            );
        }
    }

    #[test]
    fn paths_reveal_unobserved_versions() {
        let mut program = Vec::new();
        for name in ["axum-0.6.20", "apalis-core-0.7.3", "hyper-0.14.32"] {
            program.extend_from_slice(format!("/registry/{name}/src/lib.rs").as_bytes());
        }
        let versions = Versions::read(&*program).unwrap();
        let unobserved = integrations::unobserved(&versions);
        assert_eq!(unobserved.len(), 2, "{unobserved:?}");
        assert!(unobserved[0].starts_with("apalis-core 0.7.3 is not supported"));
        assert!(unobserved[1].starts_with("axum 0.6.20 is not supported"));
    }

    #[test]
    fn this_program_has_no_duplicates() {
        let versions = versions();
        assert_eq!(versions.duplicates(), [""; 0]);
        let seen = versions.seen();
        assert!(
            seen.iter().any(|seen| seen.starts_with("opentelemetry 0.")),
            "{seen:?}"
        );
    }
}

//! Whether the program holds two versions of a crate whose globals must be one: `metrics`, `opentelemetry`, `tracing`.
//!
//! Each version has globals of its own, so what a library records with the other one goes nowhere, without an error. No
//! type and no function tells; the executable does: code that can panic knows the file it came from, such as
//! `.../metrics-0.24.6/src/cow.rs`. Measured with a program that uses two versions of everything here: an unoptimized build
//! names them all, a stripped release build those of `opentelemetry` and not always `metrics`, of which it leaves too
//! little. So two versions here are two versions, and one may be two. What it leaves out: vendored, patched and remapped
//! paths, which have no version in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufRead, BufReader, Read},
    sync::OnceLock,
    thread,
};

/// What is looked for, and what is lost if there are two.
const CRATES: [(&str, &str); 5] = [
    ("metrics", "metrics"),
    ("opentelemetry", "spans and trace context"),
    ("opentelemetry_sdk", "spans and trace context"),
    ("tracing-core", "spans and log lines"),
    ("tracing-opentelemetry", "what it says about spans"),
];

/// A program of this size is read within seconds even from a slow disk.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// More than any name of a crate with its version has.
const MAX_NAME: usize = 64;

const THREAD: &str = "firstlight-crates";

/// The versions whose traces are in an executable.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    seen: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Those of this program. Reads its executable once, which blocks the calling thread for a moment.
pub(crate) fn versions() -> &'static Versions {
    static FOUND: OnceLock<Versions> = OnceLock::new();
    FOUND.get_or_init(|| {
        let program = if cfg!(target_os = "linux") {
            // The one that runs, also where its file was replaced since.
            File::open("/proc/self/exe")
        } else {
            std::env::current_exe().and_then(File::open)
        };
        // Unreadable is the same as stripped of all paths: nothing is seen.
        program
            .and_then(|file| Versions::read(BufReader::new(file.take(MAX_BYTES))))
            .unwrap_or_default()
    })
}

/// One warning, if there are two of one. In a thread of its own, since the start need not wait for the disk.
pub(crate) fn warn_of_doubles() {
    // Without a thread there is no warning; `/telemetry` has it all the same.
    let _ = thread::Builder::new().name(THREAD.to_owned()).spawn(|| {
        let doubles = versions().doubles();
        if !doubles.is_empty() {
            tracing::warn!(target: "firstlight", "{}", doubles.join("; "));
        }
    });
}

impl Versions {
    /// Looks for `/<crate>-<version>/src/`. By the slashes, which the standard library finds quickly in every build.
    fn read(mut bytes: impl BufRead) -> io::Result<Self> {
        let mut versions = Self::default();
        let (mut name, mut before) = (Vec::new(), Vec::new());
        loop {
            name.clear();
            let is_whole = (&mut bytes)
                .take(MAX_NAME as u64)
                .read_until(b'/', &mut name)?;
            if is_whole == 0 {
                return Ok(versions);
            }
            if name.pop_if(|last| *last == b'/').is_none() {
                // Too long for a name, or the end.
                bytes.skip_until(b'/')?;
                before.clear();
                continue;
            }
            if name == b"src" {
                versions.note(&before);
            }
            std::mem::swap(&mut name, &mut before);
        }
    }

    /// `metrics-0.24.6`, for example.
    fn note(&mut self, name: &[u8]) {
        let Ok(name) = std::str::from_utf8(name) else {
            return;
        };
        for (known, _) in CRATES {
            let version = name
                .strip_prefix(known)
                .and_then(|rest| rest.strip_prefix('-'));
            if let Some(version) = version.filter(|version| is_version(version)) {
                let seen = self.seen.entry(known).or_default();
                seen.insert(version.to_owned());
            }
        }
    }

    /// `metrics 0.24.6`, for example.
    pub(crate) fn seen(&self) -> Vec<String> {
        let all = self.seen.iter();
        all.map(|(name, versions)| format!("{name} {}", list(versions, " and ")))
            .collect()
    }

    /// A sentence for each crate that is there twice: what is lost, and who brings it.
    pub(crate) fn doubles(&self) -> Vec<String> {
        let doubles = CRATES.iter().filter_map(|(name, lost)| {
            let versions = self.seen.get(name).filter(|versions| versions.len() > 1)?;
            Some(format!(
                "the program holds {name} {}: of {lost}, only those that go through firstlight's version arrive; `cargo tree -i {name}@{}` say who uses them: bring all to one version",
                list(versions, " and "),
                list(versions, &format!("` and `cargo tree -i {name}@")),
            ))
        });
        doubles.collect()
    }
}

fn list(versions: &BTreeSet<String>, separator: &str) -> String {
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    versions.join(separator)
}

/// Three numbers, and perhaps what a pre-release has.
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
    fn two_versions_are_told_by_paths() {
        let mut program = vec![0_u8; 100_000];
        // Put together here: as literals they would be in this executable, and found by the test below.
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
        // However the pieces come in.
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
            let doubles = versions.doubles();
            assert_eq!(doubles.len(), 1);
            assert!(
                doubles[0]
                    .contains("`cargo tree -i metrics@0.23.1` and `cargo tree -i metrics@0.24.6`"),
                "{doubles:?}"
            );
        }
    }

    #[test]
    fn this_program_has_one_of_each() {
        let versions = versions();
        assert_eq!(versions.doubles(), [""; 0]);
        let seen = versions.seen();
        assert!(
            seen.iter().any(|seen| seen.starts_with("opentelemetry 0.")),
            "{seen:?}"
        );
    }
}

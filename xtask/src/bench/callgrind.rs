//! Counts the instructions of a process with callgrind, a tool of valgrind.

use std::{ffi::OsString, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, bail};
use support::command;

use super::build;

/// The installed valgrind.
#[derive(Debug)]
pub(crate) struct Callgrind {
    /// The output of `valgrind --version`.
    pub(crate) version: String,
    /// The file that callgrind writes when the process ends.
    profile: PathBuf,
}

impl Callgrind {
    /// Finds valgrind.
    ///
    /// # Errors
    ///
    /// If it is not installed.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let version = command::run_quietly(Command::new("valgrind").arg("--version")).context(
            "instructions are counted by valgrind, which does not run here, so nothing was measured; \
             install the package `valgrind` of the system, for example by `apt-get install valgrind`",
        )?;
        Ok(Self {
            version: version.trim().to_owned(),
            profile: build::target().join("callgrind.out"),
        })
    }

    /// The command that runs a program, whose path follows.
    pub(crate) fn command(&self) -> Vec<OsString> {
        let mut file = OsString::from("--callgrind-out-file=");
        file.push(&self.profile);
        vec!["valgrind".into(), "--tool=callgrind".into(), file]
    }

    /// The instructions of all threads of the process that ended last.
    pub(crate) fn total(&self) -> anyhow::Result<u64> {
        let profile = fs::read_to_string(&self.profile)
            .with_context(|| format!("callgrind wrote no {}", self.profile.display()))?;
        // The next process must not be taken for this one, if it writes no file.
        fs::remove_file(&self.profile)?;
        total(&profile).with_context(|| format!("in {}", self.profile.display()))
    }
}

/// The sum over all functions of a profile.
fn total(profile: &str) -> anyhow::Result<u64> {
    let value = |key: &str| profile.lines().find_map(|line| line.strip_prefix(key));
    match value("events:").map(str::trim) {
        Some("Ir") => {}
        found => bail!("found the events {found:?}, expected Ir, the executed instructions"),
    }
    let totals = value("totals:").context("found no totals, expected them at the end")?;
    let totals = totals.trim();
    totals
        .parse()
        .with_context(|| format!("found totals of {totals:?}, expected a number"))
}

#[cfg(test)]
mod tests {
    use super::total;

    /// A profile of callgrind 3.19.0, without most of its functions.
    const PROFILE: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 6010
cmd:  target/bench/release/bare
part: 1


desc: I1 cache: 
desc: D1 cache: 
desc: LL cache: 

desc: Timerange: Basic block 0 - 3612215
desc: Trigger: Program termination

positions: line
events: Ir
summary: 19421943


ob=(1) /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
fl=(61) ./misc/../sysdeps/unix/sysv/linux/mmap64.c
fn=(202) mmap
47 16
+3 32
+8 32

ob=(6) target/bench/release/bare
fl=(155) library/core/src/ptr/non_null.rs
fn=(4252) tokio::signal::reusable_box::ReusableBoxFuture<T>::set
cfn=(4256) core::ptr::drop_in_place<tokio::signal::make_future::{{closure}}>
calls=1 * 
* 15
1917 4

totals: 19422105
";

    #[test]
    fn total_of_a_profile_is_read() {
        assert_eq!(total(PROFILE).ok(), Some(19_422_105));
    }

    #[test]
    fn incomplete_and_other_profiles_fail() {
        let (cut_off, _) = PROFILE.split_once("totals").unwrap_or_default();
        let misses = PROFILE.replace("events: Ir", "events: Ir I1mr");
        let text = PROFILE.replace("totals: 19422105", "totals: many");
        for profile in ["", cut_off, &misses, &text] {
            assert!(total(profile).is_err(), "{profile}");
        }
    }
}

//! Counts instructions and allocations with callgrind, a tool of valgrind.

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
        let full_names = "--compress-strings=no".into();
        vec![
            "valgrind".into(),
            "--tool=callgrind".into(),
            full_names,
            file,
        ]
    }

    /// Runs a program to its end, and returns its profile and its output.
    pub(crate) fn run(&self, program: &Command) -> anyhow::Result<(Profile, String)> {
        let command = self.command();
        let (valgrind, arguments) = command.split_first().context("a command")?;
        let mut valgrind = Command::new(valgrind);
        valgrind
            .args(arguments)
            .arg(program.get_program())
            .args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => valgrind.env(name, value),
                None => valgrind.env_remove(name),
            };
        }
        let output = command::run_quietly(&mut valgrind)?;
        Ok((self.profile()?, output))
    }

    /// The profile of the process that ended last.
    pub(crate) fn profile(&self) -> anyhow::Result<Profile> {
        let text = fs::read_to_string(&self.profile)
            .with_context(|| format!("callgrind wrote no {}", self.profile.display()))?;
        // The next process must not be taken for this one, if it writes no file.
        fs::remove_file(&self.profile)?;
        Profile::parse(&text).with_context(|| format!("in {}", self.profile.display()))
    }
}

/// What all threads of a process have done outside the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) instructions: u64,
    /// Calls of `malloc`, `calloc`, `realloc` and the like.
    pub(crate) allocations: u64,
}

impl Profile {
    /// Reads callgrind's file, in which names are not compressed.
    fn parse(profile: &str) -> anyhow::Result<Self> {
        let value = |key: &str| profile.lines().find_map(|line| line.strip_prefix(key));
        match value("events:").map(str::trim) {
            Some("Ir") => {}
            found => bail!("found the events {found:?}, expected Ir, the executed instructions"),
        }
        let totals = value("totals:").context("found no totals, expected them at the end")?;
        let totals = totals.trim();
        Ok(Self {
            instructions: totals
                .parse()
                .with_context(|| format!("found totals of {totals:?}, expected a number"))?,
            allocations: allocations(profile)?,
        })
    }
}

/// The number of calls of functions that allocate.
fn allocations(profile: &str) -> anyhow::Result<u64> {
    let mut allocations = 0;
    let mut callee = "";
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("cfn=") {
            // A recursive call has the suffix `'2`.
            callee = name.split('\'').next().unwrap_or_default();
        } else if let Some(calls) = line.strip_prefix("calls=")
            && ALLOCATORS.contains(&callee)
        {
            let count = calls.split(' ').next().unwrap_or_default();
            allocations += count
                .parse::<u64>()
                .with_context(|| format!("found calls={calls:?}, expected a number"))?;
        }
    }
    Ok(allocations)
}

/// The functions of the C library that allocate.
const ALLOCATORS: [&str; 6] = [
    "aligned_alloc",
    "calloc",
    "malloc",
    "memalign",
    "posix_memalign",
    "realloc",
];

#[cfg(test)]
mod tests {
    use super::Profile;

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


ob=/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
fl=./misc/../sysdeps/unix/sysv/linux/mmap64.c
fn=mmap
47 16
+3 32
+8 32

ob=target/bench/release/bare
fl=library/core/src/ptr/non_null.rs
fn=tokio::signal::reusable_box::ReusableBoxFuture<T>::set
cfn=core::ptr::drop_in_place<tokio::signal::make_future::{{closure}}>
calls=1 * 
* 15
1917 4
cfn=malloc
calls=3 1
* 300
cfn=malloc'2
calls=1 1
* 10
cfn=memcpy
calls=9 1
* 9

totals: 19422105
";

    #[test]
    fn instructions_and_allocations_are_read() {
        let profile = Profile {
            instructions: 19_422_105,
            allocations: 4,
        };
        assert_eq!(Profile::parse(PROFILE).ok(), Some(profile));
    }

    #[test]
    fn incomplete_and_other_profiles_fail() {
        let (cut_off, _) = PROFILE.split_once("totals").unwrap_or_default();
        let misses = PROFILE.replace("events: Ir", "events: Ir I1mr");
        let text = PROFILE.replace("totals: 19422105", "totals: many");
        let calls = PROFILE.replace("calls=3", "calls=many");
        for profile in ["", cut_off, &misses, &text, &calls] {
            assert!(Profile::parse(profile).is_err(), "{profile}");
        }
    }
}

//! Counts of instructions and allocations, from callgrind.
//!
//! They hardly depend on the machine and not on its load, unlike times.

use std::{path::Path, process::Command};

use anyhow::Context as _;
use support::command;

/// The counts of one run of a program, outside the kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Counts {
    pub(crate) instructions: f64,
    /// Calls of `malloc`, `calloc`, `realloc` and the like.
    pub(crate) allocations: f64,
    /// Bytes, if the program reported some.
    pub(crate) bytes: f64,
}

impl Counts {
    /// The counts of one of the repetitions that `self` has more than `less`.
    pub(crate) fn of_each(self, less: Self, repetitions: f64) -> Self {
        Self {
            instructions: (self.instructions - less.instructions) / repetitions,
            allocations: (self.allocations - less.allocations) / repetitions,
            bytes: (self.bytes - less.bytes) / repetitions,
        }
    }
}

/// Whether this machine has valgrind.
pub(crate) fn is_installed() -> bool {
    let mut version = Command::new("valgrind");
    command::run_quietly(version.arg("--version")).is_ok()
}

/// Runs the program under callgrind; the profile is written to `profile`.
pub(crate) fn count(program: &Command, profile: &Path) -> anyhow::Result<Counts> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--compress-strings=no"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program.get_program())
        .args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => valgrind.env(name, value),
            None => valgrind.env_remove(name),
        };
    }
    let output = command::run_quietly(&mut valgrind)?;
    let text = std::fs::read_to_string(profile)
        .with_context(|| format!("callgrind wrote no {}", profile.display()))?;
    let bytes = output.lines().find_map(|line| line.strip_prefix("bytes="));
    Ok(Counts {
        bytes: bytes.map_or(Ok(0.0), str::parse)?,
        ..read(&text).with_context(|| format!("{} has no totals", profile.display()))?
    })
}

/// Reads a profile whose names are not compressed.
fn read(profile: &str) -> Option<Counts> {
    let mut instructions = None;
    let mut allocations = 0;
    let mut callee = "";
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("cfn=") {
            // A recursive call has the suffix `'2`.
            callee = name.split('\'').next().unwrap_or_default();
        } else if let Some(calls) = line.strip_prefix("calls=") {
            if ALLOCATORS.contains(&callee) {
                allocations += calls.split(' ').next()?.parse::<u64>().ok()?;
            }
        } else if let Some(total) = line.strip_prefix("totals: ") {
            instructions = total.trim().parse().ok();
        }
    }
    Some(Counts {
        instructions: instructions?,
        allocations: allocations as f64,
        bytes: 0.0,
    })
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
    use super::{Counts, read};

    #[test]
    fn allocations_are_calls() {
        let profile = "events: Ir\n\nfn=main\n3 10\ncfn=malloc\ncalls=3 20\n4 300\ncfn=memcpy\ncalls=9 1\n5 9\n\
                       fn=malloc\n20 290\ncfn=malloc'2\ncalls=1 20\n21 10\ntotals: 1234\n";
        let counts = Counts {
            instructions: 1234.0,
            allocations: 4.0,
            bytes: 0.0,
        };
        assert_eq!(read(profile), Some(counts));
        assert_eq!(read("fn=main\n3 10\n"), None);
    }
}

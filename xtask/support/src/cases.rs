//! Runs test cases, and prints their results and a table of totals.

use std::{
    collections::VecDeque,
    num::NonZero,
    process::{Command, ExitCode},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{command, ui};

/// Runs and counts the cases of one suite.
#[derive(Debug)]
pub struct Cases {
    suite: &'static str,
    passed: usize,
    failed: Vec<(String, String)>,
    /// The number of tests that did not run because of `#[ignore]`.
    ignored: usize,
    not_run: Vec<(String, String)>,
    unchecked: Vec<(String, String)>,
}

impl Cases {
    /// Starts a suite without any case.
    pub fn new(suite: &'static str) -> Self {
        Self {
            suite,
            passed: 0,
            failed: Vec::new(),
            ignored: 0,
            not_run: Vec::new(),
            unchecked: Vec::new(),
        }
    }

    /// Runs one case and returns whether it passed.
    ///
    /// `name` states the unit and the expected outcome.
    pub fn check(&mut self, name: &str, case: impl FnOnce() -> anyhow::Result<()>) -> bool {
        let started = Instant::now();
        let result = case();
        self.record(name, started, &result)
    }

    /// Runs cases on all cores and prints each when it ends.
    ///
    /// The longest cases should come first. A case must not measure time, and must not change
    /// anything that another case uses.
    pub fn check_all<F>(&mut self, cases: impl IntoIterator<Item = (String, F)>)
    where
        F: FnOnce() -> anyhow::Result<()> + Send,
    {
        let cases: VecDeque<_> = cases.into_iter().collect();
        let waiting = Mutex::new(cases);
        let (ended, results) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
                let (waiting, ended) = (&waiting, ended.clone());
                scope.spawn(move || {
                    let next = || {
                        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                        waiting.pop_front()
                    };
                    while let Some((name, case)) = next() {
                        let started = Instant::now();
                        let result = case();
                        // Sending fails only after a panic of the receiver, which ends the run.
                        let _ = ended.send((name, started, result));
                    }
                });
            }
            drop(ended);
            for (name, started, result) in results {
                self.record(&name, started, &result);
            }
        });
    }

    /// Runs a command that must succeed and whose output must satisfy `check_output`.
    pub fn command(
        &mut self,
        name: &str,
        command: &mut Command,
        check_output: impl FnOnce(&str) -> anyhow::Result<()>,
    ) -> bool {
        let started = Instant::now();
        let result = command::watched(name, command).and_then(|output| check_output(&output));
        self.record(name, started, &result)
    }

    /// Runs `cargo test` and counts its tests one by one.
    pub fn cargo_test(&mut self, name: &str, command: &mut Command) {
        let started = Instant::now();
        let result = command::watched(name, command);
        let counts = match &result {
            Ok(output) => Counts::from_output(output),
            // The error holds the whole output.
            Err(error) => Counts::from_output(&format!("{error:#}")),
        };
        self.passed += counts.passed;
        self.ignored += counts.ignored;
        match result {
            Ok(_) => {
                let time = ui::seconds(started.elapsed());
                let remark = ui::quiet(format!("({} cases, {time})", counts.passed));
                ui::line(format!("  {}: {name} {remark}", ui::good("ok")));
            }
            Err(error) => {
                self.failed(name, &error);
                // `failed` has counted one failure.
                let more = (1..counts.failed).map(|_| (name.to_owned(), "see above".to_owned()));
                self.failed.extend(more);
            }
        }
    }

    fn record(&mut self, name: &str, started: Instant, result: &anyhow::Result<()>) -> bool {
        match result {
            Ok(()) => {
                self.passed += 1;
                let time = ui::quiet(format!("({})", ui::seconds(started.elapsed())));
                ui::line(format!("  {}: {name} {time}", ui::good("ok")));
            }
            Err(error) => self.failed(name, error),
        }
        result.is_ok()
    }

    /// Records a failure and prints it.
    pub fn failed(&mut self, name: &str, error: &anyhow::Error) {
        let reason = format!("{error:#}");
        ui::line(format!("  {}: {name}\n{reason}\n", ui::bad("FAILED")));
        self.failed.push((name.to_owned(), reason));
    }

    /// Runs one suite as a command of its own.
    ///
    /// # Errors
    ///
    /// If the suite cannot run.
    pub fn run_alone(
        suite: &'static str,
        run: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        let mut cases = Self::new(suite);
        run(&mut cases)?;
        Ok(if cases.all_passed() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Whether all cases ran and passed.
    pub fn all_passed(&self) -> bool {
        self.failed.is_empty() && self.not_run.is_empty()
    }

    /// Records a case that cannot run on this machine; `reason` says what to install.
    ///
    /// In CI it fails the run, because CI installs what the cases need.
    pub fn not_run(&mut self, name: &str, reason: &str) {
        ui::line(format!("  {}: {name}: {reason}", ui::loud("NOT RUN")));
        self.not_run.push((name.to_owned(), reason.to_owned()));
    }

    /// Records a fact that this machine cannot check.
    ///
    /// `reason` says why, and what would check it. It never fails the run. It is for what no command of a case may install or reach, such as a toolchain of rustup.
    pub fn unchecked(&mut self, name: &str, reason: &str) {
        ui::line(format!("  {}: {name}: {reason}", ui::loud("UNCHECKED")));
        self.unchecked.push((name.to_owned(), reason.to_owned()));
    }
}

/// The results of all suites.
#[derive(Debug, Default)]
pub struct Report {
    suites: Vec<(Cases, Duration)>,
}

impl Report {
    /// Adds a finished suite and its duration.
    pub fn add(&mut self, cases: Cases, took: Duration) {
        self.suites.push((cases, took));
    }

    /// Prints the table and the totals, and returns whether the run has passed.
    ///
    /// With `strict`, a case that did not run fails the run.
    pub fn close(&self, strict: bool) -> bool {
        ui::heading("Results");
        ui::line(format!(
            "  {:<13} {:>7} {:>7} {:>8} {:>9} {:>8}  time",
            "suite", "passed", "failed", "not run", "unchecked", "ignored"
        ));
        for (cases, took) in &self.suites {
            let Cases {
                suite,
                passed,
                failed,
                ignored,
                not_run,
                unchecked,
            } = cases;
            let row = format!(
                "  {suite:<13} {passed:>7} {:>7} {:>8} {:>9} {ignored:>8}  ",
                failed.len(),
                not_run.len(),
                unchecked.len()
            );
            let all_ran = not_run.is_empty() && unchecked.is_empty();
            let row = match (failed.is_empty(), all_ran) {
                (false, _) => ui::bad(row),
                (true, false) => ui::loud(row),
                (true, true) => ui::good(row),
            };
            ui::line(format!("{row}{}", ui::seconds(*took)));
        }
        for (cases, _) in &self.suites {
            for (name, reason) in &cases.failed {
                let first = reason.lines().next().unwrap_or_default();
                ui::line(format!(
                    "  {}: {}: {name}: {first}",
                    ui::bad("FAILED"),
                    cases.suite
                ));
            }
            for (name, reason) in &cases.not_run {
                ui::line(format!(
                    "  {}: {}: {name}: {reason}",
                    ui::loud("NOT RUN"),
                    cases.suite
                ));
            }
            for (name, reason) in &cases.unchecked {
                ui::line(format!(
                    "  {}: {}: {name}: {reason}",
                    ui::loud("UNCHECKED"),
                    cases.suite
                ));
            }
        }
        let sum = |count: fn(&Cases) -> usize| {
            self.suites
                .iter()
                .map(|(cases, _)| count(cases))
                .sum::<usize>()
        };
        let (passed, failed) = (sum(|cases| cases.passed), sum(|cases| cases.failed.len()));
        let (ignored, not_run) = (sum(|cases| cases.ignored), sum(|cases| cases.not_run.len()));
        let unchecked = sum(|cases| cases.unchecked.len());
        if not_run > 0 && strict {
            ui::line(ui::bad(
                "\n  CI is set: a case that did not run fails the run.",
            ));
        }
        // CI logs are searched for this exact line, so it has no colors.
        ui::line(format!(
            "\n{passed} passed, {failed} failed, {} skipped",
            ignored + not_run + unchecked
        ));
        failed == 0 && passed > 0 && !(strict && not_run > 0)
    }
}

/// Sums of the `test result:` lines of `cargo test`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Counts {
    fn from_output(output: &str) -> Self {
        let mut sum = Self::default();
        for result in output
            .lines()
            .filter_map(|line| line.strip_prefix("test result: "))
        {
            let words: Vec<_> = result.split_whitespace().collect();
            for pair in words.windows(2) {
                let [number, word] = pair else { continue };
                let Ok(number) = number.parse::<usize>() else {
                    continue;
                };
                match *word {
                    "passed;" => sum.passed += number,
                    "failed;" => sum.failed += number,
                    "ignored;" => sum.ignored += number,
                    _ => {}
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchecked_facts_do_not_fail_a_run() {
        let mut cases = Cases::new("suite");
        cases.check("unit: outcome", || Ok(()));
        cases.unchecked("toolchain: compiles", "no such toolchain");
        assert!(cases.all_passed());
        let mut report = Report::default();
        report.add(cases, Duration::ZERO);
        assert!(report.close(true));
        let mut not_run = Cases::new("suite");
        not_run.not_run("program: works", "install it");
        report.add(not_run, Duration::ZERO);
        assert!(!report.close(true));
        assert!(report.close(false));
    }

    #[test]
    fn counts_of_test_binaries_are_added() {
        let output = "running 3 tests\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s\n\
            test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.05s\n";
        assert_eq!(
            Counts::from_output(output),
            Counts {
                passed: 5,
                failed: 4,
                ignored: 1
            }
        );
    }
}

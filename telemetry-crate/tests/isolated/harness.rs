//! A harness that runs each case in a process of its own.
//!
//! A process has only one global subscriber, recorder and panic hook. The parent starts its own executable for each
//! case, with the name of the case in the variable `CASE`.

use std::{
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::support::child::wait;

/// The variable with the name of the case that a child process runs.
const VARIABLE: &str = "CASE";

/// Deadline of a case, which is killed if it hangs.
const DEADLINE: Duration = Duration::from_secs(300);

/// A case, which fails by panicking.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) body: fn(),
    /// Names and values of environment variables.
    pub(crate) variables: &'static [(&'static str, &'static str)],
}

/// Builds the list of cases from their paths, which become their names.
///
/// A path may be followed by `=>` and the environment variables of the case.
macro_rules! cases {
    ($($case:path $(=> [$($variable:literal = $value:literal),* $(,)?])?),* $(,)?) => {
        &[$($crate::harness::Case {
            name: stringify!($case),
            body: $case,
            variables: &[$($(($variable, $value)),*)?],
        }),*]
    };
}
pub(crate) use cases;

/// Runs each case in a new process, or the case that `CASE` names.
pub(crate) fn run(cases: &'static [Case]) -> ExitCode {
    if let Ok(name) = std::env::var(VARIABLE) {
        let case = cases.iter().find(|case| case.name == name);
        let case = case.unwrap_or_else(|| panic!("no case {name}"));
        (case.body)();
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let is_captured = !arguments.nocapture;
    let trial = |case: &'static Case| Trial::test(case.name, move || start(case, is_captured));
    libtest_mimic::run(&arguments, cases.iter().map(trial).collect()).exit_code()
}

/// Runs a case in a new process, and returns its output if it fails.
fn start(case: &Case, is_captured: bool) -> Result<(), Failed> {
    let output = || {
        if is_captured {
            Stdio::piped()
        } else {
            Stdio::inherit()
        }
    };
    let child = Command::new(std::env::current_exe()?)
        .env(VARIABLE, case.name)
        .envs(case.variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()?;
    let ended = wait(child, DEADLINE);
    if ended.status.success() {
        return Ok(());
    }
    let (stdout, stderr) = (ended.stdout, ended.stderr);
    Err(format!("{}\n--- stdout\n{stdout}--- stderr\n{stderr}", ended.status).into())
}

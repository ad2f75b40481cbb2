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

/// Name and body of a case, which fails by panicking.
pub(crate) type Case = (&'static str, fn());

/// Builds the list of cases from their paths, which become their names.
macro_rules! cases {
    ($($case:path),* $(,)?) => {
        &[$((stringify!($case), $case as fn())),*]
    };
}
pub(crate) use cases;

/// Runs each case in a new process, or the case that `CASE` names.
pub(crate) fn run(cases: &'static [Case]) -> ExitCode {
    if let Ok(name) = std::env::var(VARIABLE) {
        let case = cases.iter().find(|(case, _)| *case == name);
        let (_, case) = case.unwrap_or_else(|| panic!("no case {name}"));
        case();
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let is_captured = !arguments.nocapture;
    let trial = |(name, _): &Case| {
        let name = *name;
        Trial::test(name, move || start(name, is_captured))
    };
    libtest_mimic::run(&arguments, cases.iter().map(trial).collect()).exit_code()
}

/// Runs a case in a new process, and returns its output if it fails.
fn start(name: &str, is_captured: bool) -> Result<(), Failed> {
    let output = || {
        if is_captured {
            Stdio::piped()
        } else {
            Stdio::inherit()
        }
    };
    let child = Command::new(std::env::current_exe()?)
        .env(VARIABLE, name)
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

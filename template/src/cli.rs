//! What the program does instead of serving, if its arguments say so.

use std::process::ExitCode;
{%- if worker %}

use crate::dead_letters;
{%- endif %}

{% if worker -%}
const EXPECTED: &str =
    "--check-telemetry, --dead-letters, --retry-dead-letters [ID ...], or nothing to serve";
{%- else -%}
const EXPECTED: &str = "--check-telemetry, or nothing to serve";
{%- endif %}

/// Does what the arguments say; `None` if they say nothing.
pub async fn run() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
{%- if worker %}
    let done = match arguments.next()?.as_str() {
        "--check-telemetry" => return Some(check()),
        "--dead-letters" => dead_letters::list().await,
        "--retry-dead-letters" => dead_letters::retry(&arguments.collect::<Vec<_>>()).await,
        other => Err(format!("found {other}, expected {EXPECTED}").into()),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            eprintln!("  because: {error}");
            cause = error.source();
        }
        return Some(ExitCode::FAILURE);
    }
    Some(ExitCode::SUCCESS)
{%- else %}
    match arguments.next()?.as_str() {
        "--check-telemetry" => Some(check()),
        other => {
            eprintln!("found {other}, expected {EXPECTED}");
            Some(ExitCode::FAILURE)
        }
    }
{%- endif %}
}

fn check() -> ExitCode {
    let report = firstlight::check!();
    println!("{report}");
    report.exit_code()
}

//! Terminal output: headings, results, colors and a spinner.
//!
//! The spinner appears on a terminal only, and colors only if `NO_COLOR` is unset as well. Elsewhere, such as in a CI
//! log, a step prints one plain line when it starts and one when it ends.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write as _},
    time::{Duration, Instant},
};

use console::{StyledObject, Term, style};
use indicatif::{ProgressBar, ProgressStyle};

/// Whether the output is a terminal, rather than a file or a pipe.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The width of the terminal in columns, between 60 and 160.
pub fn width() -> usize {
    let columns = Term::stdout()
        .size_checked()
        .map_or(WIDTH_ELSEWHERE, |(_, columns)| usize::from(columns));
    columns.clamp(60, 160)
}

/// `text` shortened to `width` columns, with an ellipsis if it was longer.
pub fn truncated(text: &str, width: usize) -> String {
    console::truncate_str(text, width, "…").into_owned()
}

/// Prints a heading after an empty line.
pub fn heading(text: &str) {
    print(format_args!("\n{}", style(text).bold()));
}

/// Prints a line.
pub fn line(text: impl Display) {
    print(text);
}

/// Prints why the command failed, on the standard error.
pub fn error(error: impl Display) {
    let _ = writeln!(io::stderr().lock(), "\n{} {error}", bad("error:"));
}

/// Prints a line, unless the standard output is closed.
///
/// The reader, such as `head`, has then seen enough, and the command still has to end its work. `println!` would panic.
fn print(text: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Shows `text` in the color of success.
pub fn good<D>(text: D) -> StyledObject<D> {
    style(text).green()
}

/// Shows `text` in the color of failure.
pub fn bad<D>(text: D) -> StyledObject<D> {
    style(text).red().bold()
}

/// Shows `text` in the color of warnings.
pub fn loud<D>(text: D) -> StyledObject<D> {
    style(text).yellow().bold()
}

/// Shows `text` in the style of remarks.
pub fn quiet<D>(text: D) -> StyledObject<D> {
    style(text).dim()
}

/// Shows `text` in the style of emphasis.
pub fn strong<D>(text: D) -> StyledObject<D> {
    style(text).bold()
}

/// Shows `text` in the color of a trace id.
pub fn accent<D>(text: D) -> StyledObject<D> {
    style(text).cyan().bold()
}

/// A duration such as `0.4 s`, `12.3 s` or `2 min 05 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

/// A running step, which ends with [`Step::done`] or [`Step::failed`].
///
/// A dropped step clears its spinner and prints nothing.
#[derive(Debug)]
pub struct Step {
    what: String,
    started: Instant,
    spinner: Option<ProgressBar>,
}

impl Step {
    /// Starts a step; `how` is the command or the means, shown beside it.
    pub fn start(what: &str, how: &str) -> Self {
        let spinner = is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner()
                .with_prefix(what.to_owned())
                .with_message(how.to_owned());
            if let Ok(style) =
                ProgressStyle::with_template("  {spinner} {prefix}  {elapsed}  {wide_msg:.dim}")
            {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        if spinner.is_none() {
            print(format_args!("  {what}: {how}"));
        }
        Self {
            what: what.to_owned(),
            started: Instant::now(),
            spinner,
        }
    }

    /// Shows what the step is doing, on a terminal only.
    pub fn doing(&self, what: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(console::strip_ansi_codes(what.trim()).into_owned());
        }
    }

    /// Ends the step as a success.
    pub fn done(self, remark: &str) -> Duration {
        self.end(&good("ok"), remark)
    }

    /// Ends the step as a failure.
    pub fn failed(self) -> Duration {
        self.end(&bad("FAILED"), "")
    }

    fn end(self, outcome: &StyledObject<&str>, remark: &str) -> Duration {
        let took = self.started.elapsed();
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        let separator = if remark.is_empty() { "" } else { ", " };
        let text = format!("  {}: {outcome} ", self.what);
        let remark = quiet(format!("({}{separator}{remark})", seconds(took)));
        print(format_args!("{text}{remark}"));
        took
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

/// The width of output that is not a terminal, in columns.
///
/// A waterfall of spans fits, and CI logs do not wrap it.
const WIDTH_ELSEWHERE: usize = 110;

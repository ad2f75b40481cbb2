//! What a person sees: headings, results, colours, and a spinner while something runs.
//!
//! Colours and the spinner exist on a terminal only, and colours only where `NO_COLOR` is unset; elsewhere each step is
//! a plain line when it starts and another when it ends, which is what a CI log needs.

use std::{
    fmt::Display,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use console::{StyledObject, Term, style};
use indicatif::{ProgressBar, ProgressStyle};

/// Whether the output is a terminal, rather than a file or a pipe.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Columns to draw in.
pub fn width() -> usize {
    let columns = Term::stdout()
        .size_checked()
        .map_or(WIDTH_ELSEWHERE, |(_, columns)| usize::from(columns));
    columns.clamp(60, 160)
}

/// `text` in at most `width` columns, with an ellipsis where it was longer.
pub fn truncated(text: &str, width: usize) -> String {
    console::truncate_str(text, width, "…").into_owned()
}

/// Prints a heading.
pub fn heading(text: &str) {
    println!("\n{}", style(text).bold());
}

/// Prints a line.
pub fn line(text: impl Display) {
    println!("{text}");
}

/// The color of success.
pub fn good<D>(text: D) -> StyledObject<D> {
    style(text).green()
}

/// The color of failure.
pub fn bad<D>(text: D) -> StyledObject<D> {
    style(text).red().bold()
}

/// The color of warnings.
pub fn loud<D>(text: D) -> StyledObject<D> {
    style(text).yellow().bold()
}

/// For remarks.
pub fn quiet<D>(text: D) -> StyledObject<D> {
    style(text).dim()
}

/// For emphasis.
pub fn strong<D>(text: D) -> StyledObject<D> {
    style(text).bold()
}

/// The color of the trace id, which links the three signals.
pub fn accent<D>(text: D) -> StyledObject<D> {
    style(text).cyan().bold()
}

/// `0.4 s`, `12.3 s`, `2 min 05 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

/// One step under way. Say [`Step::done`] or [`Step::failed`] at its end; a dropped step just disappears.
#[derive(Debug)]
pub struct Step {
    what: String,
    started: Instant,
    spinner: Option<ProgressBar>,
}

impl Step {
    /// `how` is the command or the means, shown beside the step.
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
            println!("  {what}: {how}");
        }
        Self {
            what: what.to_owned(),
            started: Instant::now(),
            spinner,
        }
    }

    /// What it does right now; shown on a terminal only.
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
        println!(
            "{text}{}",
            quiet(format!("({}{separator}{remark})", seconds(took)))
        );
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

/// Enough for a waterfall, and what CI logs show without wrapping.
const WIDTH_ELSEWHERE: usize = 110;

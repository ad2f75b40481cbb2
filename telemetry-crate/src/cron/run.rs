//! One run, from its start to its log line.

use std::{pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;
use opentelemetry::{KeyValue, trace::Status};
use tokio::{task::JoinError, time::Instant};
use tracing::{Instrument, Span};

use super::{Cron, metrics::Outcome, stop::Stop};
use crate::{span_end::OpenSpan, traces::SPAN_LEVEL};

/// The target of the spans and the log lines.
pub(super) const TARGET: &str = "firstlight::cron";

/// A log line about a job, outside of its runs.
macro_rules! cron_event {
    ($level:ident, $name:expr, $($words:tt)+) => {
        tracing::$level!(target: $crate::cron::run::TARGET, { cron.name = $name }, $($words)+)
    };
}
pub(super) use cron_event;

/// The work of a job: a run of it, which ends with nothing or with the words of an error.
pub(super) type Job =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What is known when a run has ended.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) outcome: Outcome,
    pub(super) duration: Duration,
}

/// Aborts the task when the scheduler is dropped in mid-run.
struct Task(tokio::task::JoinHandle<Result<(), String>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The span of the run that is due at `tick`.
pub(super) fn span(cron: &Cron, tick: Timestamp) -> Span {
    // A root: what has declared the job, long ago, has not caused this run. There are no semantic conventions for
    // scheduled work; the attributes are named like the metrics' labels.
    tracing::span!(
        target: TARGET,
        parent: None,
        SPAN_LEVEL,
        "cron",
        otel.name = format!("cron {}", cron.name),
        otel.kind = "internal",
        cron.name = cron.name,
        cron.scheduled_for = %tick,
    )
}

/// Runs the job in a task of its own, so that a panic ends the run and nothing else, until it ends, its time is over,
/// `lost` completes, or what runs must end.
pub(super) async fn run(
    cron: &Cron,
    job: &Job,
    tick: Timestamp,
    span: Span,
    lost: impl Future<Output = ()>,
    stop: &mut Stop,
) -> Report {
    let name = &cron.name;
    let limit = cron.limit_of(tick);
    let started = Instant::now();
    let open = OpenSpan::new(span.clone());
    span.in_scope(|| open.entered(None));
    let work = Arc::clone(job);
    let work = async move { work().await };
    let mut task = Task(tokio::spawn(work.instrument(span)));
    let cut_short = tokio::select! {
        ended = &mut task.0 => Err(ended),
        () = tokio::time::sleep(limit) => {
            Ok((Outcome::TimedOut, format!("its limit of {} s was over", limit.as_secs_f64())))
        }
        () = lost => Ok((Outcome::TakenOver, "its lease was lost".to_owned())),
        () = stop.deadline() => {
            Ok((Outcome::Interrupted, "the process stops, and its time to drain was over".to_owned()))
        }
    };
    let (outcome, words) = match cut_short {
        Err(ended) => judge(ended),
        Ok(reason) => {
            task.0.abort();
            // It may have ended in the same moment, and it must have ended before anything else starts.
            match (&mut task.0).await {
                Err(error) if error.is_cancelled() => reason,
                ended => judge(ended),
            }
        }
    };
    let duration = started.elapsed();
    report(&open, name, outcome, &words, duration);
    Report { outcome, duration }
}

fn judge(ended: Result<Result<(), String>, JoinError>) -> (Outcome, String) {
    match ended {
        Ok(Ok(())) => (Outcome::Ok, String::new()),
        Ok(Err(error)) => (Outcome::Failed, error),
        // The panic hook has logged its message.
        Err(error) if error.is_panic() => (Outcome::Failed, "it panicked".to_owned()),
        Err(_) => (Outcome::Interrupted, "the runtime shut down".to_owned()),
    }
}

/// The end of the span, and one log line in it.
fn report(span: &OpenSpan, name: &str, outcome: Outcome, words: &str, duration: Duration) {
    let word = outcome.word();
    span.write(|span| {
        span.set_attribute(KeyValue::new("cron.outcome", word));
        if outcome != Outcome::Ok {
            span.set_attribute(KeyValue::new("error.type", word));
            span.set_status(Status::error(words.to_owned()));
        }
    });
    // To the microsecond: what is beyond is noise to a reader.
    let seconds = (duration.as_secs_f64() * 1e6).round() / 1e6;
    span.log(|| {
        if outcome == Outcome::Ok {
            tracing::info!(
                target: TARGET,
                parent: span.span(),
                { cron.outcome = word, cron.duration = seconds },
                "cron {name}: ok after {seconds} s"
            );
        } else {
            tracing::error!(
                target: TARGET,
                parent: span.span(),
                { cron.outcome = word, cron.duration = seconds, error.r#type = word },
                "cron {name}: {word} after {seconds} s: {words}"
            );
        }
    });
    // Now, and not when the last thing that the job has spawned lets go of it.
    span.end();
}

//! One run, from its start to its log line.

use std::{pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;
use opentelemetry::{KeyValue, trace::Status};
use tokio::{task::JoinError, time::Instant};
use tracing::{Instrument, Span};

use super::{Cron, metrics::TickOutcome, stop::Stop};
pub(super) use crate::targets::CRON_TARGET as TARGET;
use crate::{span_end::OpenSpan, traces::SPAN_LEVEL};

/// Logs an event about a job, outside its runs.
macro_rules! cron_event {
    ($level:ident, $name:expr, $($message:tt)+) => {
        tracing::$level!(target: $crate::cron::run::TARGET, { cron.name = $name }, $($message)+)
    };
}
pub(super) use cron_event;

/// The function of a job, whose error is a text.
pub(super) type Job =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// The result of a run.
#[derive(Debug)]
pub(super) struct RunReport {
    pub(super) outcome: TickOutcome,
    pub(super) duration: Duration,
}

/// Aborts the task if the scheduler is dropped during the run.
struct AbortOnDrop(tokio::task::JoinHandle<Result<(), String>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Creates the span of the run that is due at `tick`.
pub(super) fn span(cron: &Cron, tick: Timestamp) -> Span {
    // A root span, because the code that declared the job did not cause this run. There are no
    // semantic conventions for scheduled work, so the attributes are named like the labels of the
    // metrics.
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

/// Runs the job in its own task, so that a panic ends only the run.
///
/// The run ends by itself, at its time limit, when `lost` completes, or at the stop's deadline.
pub(super) async fn run(
    cron: &Cron,
    job: &Job,
    tick: Timestamp,
    span: Span,
    lost: impl Future<Output = ()>,
    stop: &mut Stop,
) -> RunReport {
    let name = &cron.name;
    let limit = cron.limit_of(tick);
    let started = Instant::now();
    let open = OpenSpan::new(span.clone());
    span.in_scope(|| open.entered(None));
    let work = Arc::clone(job);
    let work = async move { work().await };
    let mut task = AbortOnDrop(tokio::spawn(work.instrument(span)));
    let cut_short = tokio::select! {
        ended = &mut task.0 => Err(ended),
        () = tokio::time::sleep(limit) => {
            Ok((TickOutcome::TimedOut, format!("canceled at its limit of {} s", limit.as_secs_f64())))
        }
        () = lost => Ok((TickOutcome::TakenOver, "its lease was lost".to_owned())),
        () = stop.deadline() => {
            Ok((TickOutcome::Interrupted, "the process stops, and its drain time was over".to_owned()))
        }
    };
    let (outcome, message) = match cut_short {
        Err(ended) => classify(ended),
        Ok(reason) => {
            task.0.abort();
            // The task must have ended before another run starts. It may also have ended by itself
            // at the same moment.
            match (&mut task.0).await {
                Err(error) if error.is_cancelled() => reason,
                ended => classify(ended),
            }
        }
    };
    let duration = started.elapsed();
    record_end(&open, name, outcome, &message, duration);
    RunReport { outcome, duration }
}

fn classify(ended: Result<Result<(), String>, JoinError>) -> (TickOutcome, String) {
    match ended {
        Ok(Ok(())) => (TickOutcome::Ok, String::new()),
        Ok(Err(error)) => (TickOutcome::Failed, error),
        // The panic hook has logged the message.
        Err(error) if error.is_panic() => (TickOutcome::Failed, "it panicked".to_owned()),
        Err(_) => (TickOutcome::Interrupted, "the runtime shut down".to_owned()),
    }
}

/// Ends the span, and writes one log line in it.
fn record_end(
    span: &OpenSpan,
    name: &str,
    outcome: TickOutcome,
    message: &str,
    duration: Duration,
) {
    let word = outcome.as_str();
    span.write(|span| {
        span.set_attribute(KeyValue::new("cron.outcome", word));
        if outcome != TickOutcome::Ok {
            span.set_attribute(KeyValue::new("error.type", word));
            span.set_status(Status::error(message.to_owned()));
        }
    });
    // Rounded to microseconds: more digits are only noise for a reader.
    let seconds = (duration.as_secs_f64() * 1e6).round() / 1e6;
    span.log(|| {
        if outcome == TickOutcome::Ok {
            tracing::info!(
                target: TARGET,
                parent: span.span(),
                { cron.outcome = word, cron.duration = seconds },
                "cron {name}: ok after {seconds} s"
            );
        } else {
            let end = match outcome {
                TickOutcome::TimedOut => message.to_owned(),
                TickOutcome::Failed => format!("failed after {seconds} s: {message}"),
                _ => format!("canceled after {seconds} s: {message}"),
            };
            tracing::error!(
                target: TARGET,
                parent: span.span(),
                { cron.outcome = word, cron.duration = seconds, error.r#type = word },
                "cron {name}: {end}"
            );
        }
    });
    // The span is ended explicitly, because tasks that the job has spawned may hold its clones.
    span.end();
}

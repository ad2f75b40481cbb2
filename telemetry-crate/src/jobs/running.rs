//! One attempt while it runs: the span, the duration, and their common end.

use std::{
    error::Error,
    time::{Instant, SystemTime},
};

use opentelemetry::{KeyValue, trace::Status};
use tracing::Span;

use super::{TARGET, job::Job, outcome::AttemptOutcome, queue::Queue};
use crate::{
    span_end::OpenSpan,
    traces::SPAN_LEVEL,
    values::{counted, truncated, with_causes},
};

/// Error type of an attempt that was dropped before its end.
const CANCELED: &str = "cancelled";

/// Error type of a job whose bytes or whose row cannot be read.
pub(super) const UNDECODABLE: &str = "undecodable";

/// Longest text of an error in bytes.
///
/// It is stored with the job, and a page of causes is enough.
const MAX_REASON: usize = 4 * 1024;

/// Returns the error of an attempt with its causes.
///
/// It is for the log line, the span and the store.
pub(super) fn reason_of(error: &(dyn Error + 'static)) -> String {
    truncated(with_causes(error), MAX_REASON)
}

/// How an attempt ended, as its metrics and its log line report it.
#[derive(Debug)]
pub(super) struct AttemptEnd<'a> {
    pub(super) outcome: AttemptOutcome,
    /// Class of the error, one of a few fixed words.
    pub(super) error_type: Option<&'a str>,
    /// Text of the error with its causes, for the log line and the span.
    pub(super) message: Option<String>,
    /// Seconds until the next attempt, if there is one whose time is known.
    pub(super) next_attempt: Option<i64>,
}

/// One attempt while it runs, recorded as canceled if it is dropped early.
#[derive(Debug)]
pub(super) struct Running {
    span: OpenSpan,
    start: Instant,
    queue: Queue,
    kind: String,
    attempt: u32,
    attempts: Option<u32>,
    accepted: Option<SystemTime>,
    /// Seconds that the job waited; `None` for a retry or an unknown wait.
    wait: Option<f64>,
    is_finished: bool,
}

impl Running {
    pub(super) fn start(queue: &Queue, job: &Job) -> Self {
        queue.export_budget();
        // Log lines of the job inherit these fields. Other attributes go only to the trace.
        let make = || {
            tracing::span!(
                target: TARGET,
                SPAN_LEVEL,
                "process",
                otel.kind = "consumer",
                messaging.destination.name = queue.name(),
                messaging.message.id = job.id,
                worker.task.kind = job.kind,
                worker.task.attempt = job.attempt
            )
        };
        let context = job.envelope.context();
        let span = if job.is_linked {
            context.linked(make)
        } else {
            context.child(make)
        };
        for other in &job.links {
            other.link(&span);
        }
        // A retry waits on purpose, so its wait is not measured.
        let waits_since = job.waits_since().filter(|_| job.attempt == 1);
        let mut running = Self {
            span: OpenSpan::new(span),
            start: Instant::now(),
            queue: queue.clone(),
            kind: job.kind.clone(),
            attempt: job.attempt,
            attempts: job.attempts,
            accepted: job.envelope.accepted_at(),
            wait: waits_since.map(seconds_since),
            is_finished: false,
        };
        let span = running.span().clone();
        span.in_scope(|| running.describe());
        running
    }

    /// Writes the span's name and attributes, and records the wait.
    ///
    /// Names follow the semantic conventions for [messaging
    /// spans](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/), which are in
    /// development.
    fn describe(&mut self) {
        self.span.entered(None);
        self.span.write(|span| {
            span.update_name(format!("process {}", self.queue.name()));
            let wait = self.wait;
            let attributes = [
                Some(KeyValue::new(
                    "messaging.system.name",
                    self.queue.system().to_owned(),
                )),
                Some(KeyValue::new("messaging.operation.name", "process")),
                Some(KeyValue::new("messaging.operation.type", "process")),
                wait.map(|seconds| KeyValue::new("worker.task.wait", seconds)),
            ];
            span.set_attributes(attributes.into_iter().flatten());
        });
        if let Some(seconds) = self.wait {
            (self.span).measure(|| self.queue.record_wait(&self.kind, seconds));
        }
    }

    pub(super) fn span(&self) -> &Span {
        self.span.span()
    }

    /// Returns the outcome of a failure at this attempt.
    pub(super) fn failure_outcome(&self, is_permanent: bool) -> AttemptOutcome {
        AttemptOutcome::of_failure(self.attempt, self.attempts, is_permanent)
    }

    pub(super) fn finish(mut self, end: &AttemptEnd<'_>) {
        self.end(end);
    }

    fn end(&mut self, end: &AttemptEnd<'_>) {
        self.is_finished = true;
        let seconds = self.start.elapsed().as_secs_f64();
        let outcome = end.outcome.as_str();
        self.span.write(|span| {
            span.set_attribute(KeyValue::new("worker.task.outcome", outcome));
            if let Some(error) = end.error_type {
                span.set_attribute(KeyValue::new("error.type", error.to_owned()));
                let message = end.message.clone().unwrap_or_default();
                span.set_status(Status::error(message));
            }
        });
        let accepted = self.accepted.filter(|_| end.outcome == AttemptOutcome::Ok);
        self.span.measure(|| {
            self.queue.record_run(&self.kind, outcome, seconds);
            if let Some(accepted) = accepted {
                self.queue
                    .record_latency(&self.kind, seconds_since(accepted));
            }
        });
        self.queue
            .count_attempt(&self.kind, outcome, end.error_type);
        self.span.log(|| self.log(end, seconds));
        // The span is ended explicitly, because its clones may outlive the attempt.
        self.span.end();
    }

    /// Returns the message of the log line.
    fn sentence(&self, end: &AttemptEnd<'_>) -> String {
        let kind = &self.kind;
        let reason = (end.message.as_ref()).map_or_else(String::new, |text| format!(": {text}"));
        match end.outcome {
            AttemptOutcome::Ok => format!("job {kind}: succeeded"),
            AttemptOutcome::Retry if end.error_type == Some(CANCELED) => {
                format!("job {kind}: canceled, to be tried again")
            }
            AttemptOutcome::Retry => match end.next_attempt {
                Some(seconds) => {
                    format!("job {kind}: failed, next attempt in {seconds} s{reason}")
                }
                None => format!("job {kind}: failed, to be tried again{reason}"),
            },
            // The attempts are not stated, because each of them would have failed.
            AttemptOutcome::DeadLettered if end.error_type == Some(UNDECODABLE) => {
                format!("job {kind}: dead-lettered{reason}")
            }
            AttemptOutcome::DeadLettered => {
                let attempts = counted(u64::from(self.attempt), "attempt", "attempts");
                format!("job {kind}: dead-lettered after {attempts}{reason}")
            }
        }
    }

    fn log(&self, end: &AttemptEnd<'_>, seconds: f64) {
        let (sentence, outcome) = (self.sentence(end), end.outcome);
        // The level is part of an event's static metadata, hence three events.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET,
                    parent: self.span.span(),
                    {
                        worker.task.outcome = outcome.as_str(),
                        // Rounded to microseconds: more digits are only noise for a reader.
                        worker.task.run = (seconds * 1e6).round() / 1e6,
                        worker.task.wait = self.wait.map(|wait| (wait * 1e6).round() / 1e6),
                        worker.task.max_attempts = self.attempts,
                        error.r#type = end.error_type,
                        exception.message = end.message
                    },
                    "{sentence}"
                )
            };
        }
        match outcome {
            AttemptOutcome::Ok => line!(info),
            AttemptOutcome::Retry => line!(warn),
            AttemptOutcome::DeadLettered => line!(error),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // The worker shuts down, or a timeout around the job has passed. In the store, the job is
        // still unfinished.
        self.end(&AttemptEnd {
            outcome: AttemptOutcome::Retry,
            error_type: Some(CANCELED),
            message: None,
            next_attempt: None,
        });
    }
}

/// Returns the seconds since `time`, or 0 if another machine's clock is ahead.
fn seconds_since(time: SystemTime) -> f64 {
    let passed = SystemTime::now().duration_since(time);
    passed.unwrap_or_default().as_secs_f64()
}

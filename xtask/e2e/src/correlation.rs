//! Finds one request in all three signals by its trace id.

use std::time::Duration;

use anyhow::{Context as _, bail};
use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use support::http;

use crate::{
    log_line::LogLine,
    openmetrics::{self, ACCEPT, Exemplar, Sample},
    service::Service,
};

/// The log lines, the exemplar and the spans of one request.
#[derive(Debug)]
pub struct OneRequest {
    /// The trace id that links the signals.
    pub trace_id: String,
    /// The log lines, including the access-log line.
    pub log: Vec<LogLine>,
    /// The histogram bucket that counted the request.
    pub bucket: Sample,
    /// The bucket's exemplar.
    pub exemplar: Exemplar,
    /// The lower bound of the bucket in seconds.
    pub lower_bound: f64,
    /// The spans, ordered by start.
    pub spans: Vec<ReceivedSpan>,
}

impl OneRequest {
    /// Finds the slowest request, once `service` has logged `requests` requests.
    ///
    /// # Errors
    ///
    /// If a signal lacks the request's trace id, or the signals disagree about its duration.
    pub fn slowest(
        service: &Service,
        collector: &OtlpReceiver,
        requests: usize,
    ) -> anyhow::Result<Self> {
        // The client may receive an answer before the request's log line is written.
        let all =
            |log: &[LogLine]| log.iter().filter(|line| line.is_access_log()).count() >= requests;
        let mut log = service.wait_for_log("every request", all)?;
        let access = log
            .iter()
            .filter(|line| line.is_access_log())
            .max_by(|a, b| seconds(a).total_cmp(&seconds(b)))
            .context("logs: no request")?
            .clone();
        log.retain(|line| line.trace_id() == access.trace_id());
        Self::with_access_line(&access, log, service, collector)
    }

    /// Finds the request with this access line; `log` contains the lines of its trace.
    ///
    /// # Errors
    ///
    /// If a signal lacks the request's trace id, or the signals disagree about its duration.
    pub fn with_access_line(
        access: &LogLine,
        log: Vec<LogLine>,
        service: &Service,
        collector: &OtlpReceiver,
    ) -> anyhow::Result<Self> {
        let (trace_id, logged) = (access.trace_id(), seconds(access));
        if trace_id.is_empty() || logged <= 0.0 {
            bail!("logs: no trace_id or no {DURATION_FIELD}: {}", access.raw);
        }
        let (bucket, exemplar, lower_bound) = bucket_of(&trace_id, service)?;
        let spans = spans_of(&trace_id, collector);
        let server = spans.iter().find(|span| span.kind == "server");
        let server = server.with_context(|| format!("traces: no server span of {trace_id}"))?;

        let traced = server.duration().as_secs_f64();
        let measured = exemplar.value;
        if (logged - measured).abs() > TOLERANCE || (logged - traced).abs() > TOLERANCE {
            bail!(
                "one request took {logged} s in the log, {measured} s in the metrics and {traced} s in the trace"
            );
        }
        Ok(Self {
            trace_id,
            log,
            bucket,
            exemplar,
            lower_bound,
            spans,
        })
    }
}

fn seconds(line: &LogLine) -> f64 {
    line.number(DURATION_FIELD).unwrap_or_default()
}

/// The bucket whose exemplar is this request, the exemplar, and the lower bound.
fn bucket_of(trace_id: &str, service: &Service) -> anyhow::Result<(Sample, Exemplar, f64)> {
    let named = |sample: &Sample| {
        let exemplar = sample.exemplar.clone()?;
        (exemplar.label("trace_id") == trace_id).then(|| (sample.clone(), exemplar))
    };
    let (samples, (bucket, exemplar)) =
        http::poll(&service.metrics_url(), &[ACCEPT], DEADLINE, |answer| {
            let mut samples = openmetrics::parse(&answer.body).ok()?;
            samples.retain(|sample| sample.name == format!("{HISTOGRAM}_bucket"));
            let found = samples.iter().find_map(named)?;
            Some((samples, found))
        })
        .with_context(|| {
            format!("metrics: no bucket of {HISTOGRAM} has the exemplar {trace_id}")
        })?;

    let (lower, upper) = (lower_bound(&bucket, &samples), bound(&bucket));
    if exemplar.value <= lower || exemplar.value > upper {
        bail!(
            "metrics: exemplar of {} s in a bucket of {lower} to {upper} s",
            exemplar.value
        );
    }
    Ok((bucket, exemplar, lower))
}

fn spans_of(trace_id: &str, collector: &OtlpReceiver) -> Vec<ReceivedSpan> {
    // The server span ends last, so all other spans have arrived with it.
    let root = |span: &ReceivedSpan| span.trace_id == trace_id && span.kind == "server";
    let mut spans = collector.wait_for(DEADLINE, |spans| spans.iter().any(root));
    spans.retain(|span| span.trace_id == trace_id);
    spans.sort_by_key(|span| span.start);
    spans
}

/// The upper bound of the previous bucket of the same series; 0 for the first.
fn lower_bound(bucket: &Sample, samples: &[Sample]) -> f64 {
    let series = |sample: &Sample| {
        let mut labels = sample.labels.clone();
        labels.retain(|(name, _)| name != "le");
        (sample.name.clone(), labels)
    };
    let own = bound(bucket);
    let others = samples
        .iter()
        .filter(|sample| series(sample) == series(bucket))
        .map(bound);
    others.filter(|bound| *bound < own).fold(0.0, f64::max)
}

/// The upper bound of a bucket, which is infinite for the last one.
fn bound(bucket: &Sample) -> f64 {
    bucket.label("le").parse().unwrap_or(f64::INFINITY)
}

/// The largest accepted difference between signals, in seconds.
///
/// Signals differ by far less than this, and the slow request takes far longer.
const TOLERANCE: f64 = 0.25;
/// How long the exemplar and the spans may take to arrive.
const DEADLINE: Duration = Duration::from_secs(20);
/// The histogram whose exemplars are read.
pub const HISTOGRAM: &str = "http_server_request_duration_seconds";
/// The field of a log line with the duration in seconds.
pub const DURATION_FIELD: &str = "http.server.request.duration";

//! A failed request that the sampler did not keep, in the flight recorder.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use e2e::service::{Built, Service};
use firstlight::testing::OtlpReceiver;
use support::http;

use super::story;

/// The evidence of a failed request whose spans were not exported.
#[derive(Debug)]
pub(super) struct Unsampled {
    pub(super) trace_id: String,
    /// The address of the admin listener, as for `curl`.
    pub(super) admin: String,
    /// The answer to `/traces?failed`.
    pub(super) failed: String,
    /// The answer to `/traces/{trace_id}`.
    pub(super) trace: String,
}

/// Sends a failing request to a service that samples 1 % of its traces.
pub(super) fn request(
    built: &Built,
    folder: &Path,
    collector: &OtlpReceiver,
) -> anyhow::Result<Unsampled> {
    let database = format!("sqlite://{}", folder.join("unsampled.db").display());
    let settings = [
        ("DATABASE_URL", &*database),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        ("FIRSTLIGHT_RECORDER_FILTER", "orders_demo=debug"),
    ];
    let endpoint = collector.endpoint();
    for _ in 0..ATTEMPTS {
        let mut service = Service::start(&built.program, Some(&endpoint), &settings)?;
        let found = find(&service)?;
        // The flush at the end exports all spans that the sampler kept.
        service.stop()?;
        let is_kept = |span: &firstlight::testing::ReceivedSpan| span.trace_id == found.trace_id;
        if !collector.spans().iter().any(is_kept) {
            return Ok(found);
        }
    }
    bail!("the sampler kept each of {ATTEMPTS} traces, expected 1 %")
}

/// Sends the request and reads what the flight recorder has about it.
fn find(service: &Service) -> anyhow::Result<Unsampled> {
    let id = story::place_order(service)?;
    let answer = http::get(&service.url(&format!("/orders/{id}/invoice")))?;
    ensure!(
        answer.status == 500,
        "/orders/{id}/invoice: found status {}, expected 500",
        answer.status
    );
    let read = |path: &str| -> anyhow::Result<String> {
        let answer = http::get(&format!("{}{path}", service.admin))?;
        ensure!(answer.status == 200, "{path}: {}", answer.body);
        Ok(answer.body)
    };
    let failed = read("/traces?failed")?;
    let trace_id = failed.split_whitespace().find(|word| is_trace_id(word));
    let trace_id = trace_id.with_context(|| format!("no trace id in:\n{failed}"))?;
    Ok(Unsampled {
        trace: read(&format!("/traces/{trace_id}"))?,
        trace_id: trace_id.to_owned(),
        admin: service.admin.trim_start_matches("http://").to_owned(),
        failed,
    })
}

fn is_trace_id(word: &str) -> bool {
    word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The number of requests after which a trace is surely not sampled.
const ATTEMPTS: usize = 4;

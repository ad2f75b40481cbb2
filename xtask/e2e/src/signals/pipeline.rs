//! A service with Prometheus and a collector, as in production.
//!
//! Prometheus scrapes the service, and a collector receives its spans. One trace id links them.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;
use support::{Cases, tools};

use super::{
    Fixture,
    scraper::{JOB, Prometheus},
};
use crate::{
    collector::{CollectedSpan, Rotel},
    correlation::HISTOGRAM,
    service::Service,
    traffic,
};

/// The running programs.
struct Pipeline {
    service: Service,
    prometheus: Prometheus,
    rotel: Rotel,
}

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, tools: &tools::Prometheus, rotel: &Path) {
    let mut running = None;
    cases.check("pipeline: service, Prometheus and collector start", || {
        let rotel = Rotel::start(rotel, &fixture.folder)?;
        let service = Service::start(&fixture.built.program, Some(&rotel.endpoint), &[])?;
        let prometheus = Prometheus::start(tools, &fixture.folder, &service.admin)?;
        traffic::mixed(&service, |_| ())?;
        running = Some(Pipeline {
            service,
            prometheus,
            rotel,
        });
        Ok(())
    });
    let Some(mut pipeline) = running else { return };
    cases.check("pipeline: Prometheus has the series and labels", || {
        check_series(&pipeline)
    });
    cases.check("pipeline: the collector receives spans", || {
        check_spans(&pipeline)
    });
    cases.check(
        "pipeline: an exemplar leads to its log line and span",
        || check_exemplar(&pipeline),
    );
    cases.check("pipeline: the service stops with status 0", || {
        pipeline.service.stop()
    });
}

fn check_series(Pipeline { prometheus, .. }: &Pipeline) -> anyhow::Result<()> {
    let value_is = |expected: &'static str| {
        move |result: &[Value]| {
            result
                .first()
                .and_then(|series| series.get("value")?.get(1)?.as_str())
                == Some(expected)
        }
    };
    prometheus.query(&format!("up{{job=\"{JOB}\"}}"), value_is("1"))?;
    // The counts are those that `traffic::mixed` sends.
    for (labels, count) in [
        (
            r#"http_request_method="POST",http_route="/orders",http_response_status_code="201""#,
            "10",
        ),
        (
            r#"http_request_method="GET",http_route="/orders/{id}",http_response_status_code="200""#,
            "20",
        ),
        (
            r#"http_request_method="GET",http_route="/orders/{id}",http_response_status_code="404""#,
            "10",
        ),
        (
            r#"http_route="/orders/{id}/invoice",http_response_status_code="500",error_type="500""#,
            "10",
        ),
        (
            r#"http_route="/orders/{id}/slow-report",http_response_status_code="200",error_type="""#,
            "1",
        ),
    ] {
        prometheus.query(&format!("{HISTOGRAM}_count{{{labels}}}"), value_is(count))?;
    }
    prometheus.query("http_server_active_requests", |result| !result.is_empty())?;
    for name in [
        "target_info",
        "build_info",
        "process_cpu_seconds_total",
        "logging_events_total",
    ] {
        prometheus.query(name, |result| !result.is_empty())?;
    }
    // With the raw path as label value, each order would add a series.
    let routes = prometheus.query(
        &format!("count by (http_route) ({HISTOGRAM}_count)"),
        |result| !result.is_empty(),
    )?;
    let raw = routes
        .iter()
        .filter(|route| route.to_string().contains("999999"))
        .count();
    if raw > 0 {
        bail!("found a raw path as route: {routes:?}");
    }
    Ok(())
}

fn check_spans(Pipeline { rotel, .. }: &Pipeline) -> anyhow::Result<()> {
    let spans = rotel.wait_for(|span| span.name == SLOW)?;
    if let Some(other) = spans.iter().find(|span| span.service != "orders-e2e") {
        bail!("service.name: found {other:?}, expected orders-e2e");
    }
    Ok(())
}

fn check_exemplar(
    Pipeline {
        service,
        prometheus,
        rotel,
    }: &Pipeline,
) -> anyhow::Result<()> {
    let query = format!("{HISTOGRAM}_bucket{{http_route=\"/orders/{{id}}/slow-report\"}}");
    let ids = prometheus.exemplars(&query)?;
    let id = ids.first().context("no exemplar has a trace_id")?;
    if !service
        .log()
        .iter()
        .any(|line| line.trace_id() == *id && line.is_access_log())
    {
        bail!(
            "trace id {id} is in Prometheus and not in the log:\n{}",
            service.output().join("\n")
        );
    }
    let is_slow = |span: &CollectedSpan| span.trace_id == *id && span.name == SLOW;
    rotel
        .wait_for(is_slow)
        .with_context(|| format!("trace id {id} is in Prometheus"))?;
    Ok(())
}

const SLOW: &str = "GET /orders/{id}/slow-report";

//! Everything at once, as in production: Prometheus scrapes the service, a collector receives its spans, and one trace id
//! leads through all of it.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;
use support::{Cases, tools};

use super::{
    Parts,
    scraper::{JOB, Prometheus},
};
use crate::{
    collector::{CollectedSpan, Rotel},
    correlation::HISTOGRAM,
    service::Service,
    traffic,
};

/// All of it running.
struct Pipeline {
    service: Service,
    prometheus: Prometheus,
    rotel: Rotel,
}

pub(super) fn cases(cases: &mut Cases, parts: &Parts, tools: &tools::Prometheus, rotel: &Path) {
    let mut running = None;
    cases.check(
        "a service, Prometheus and a collector start and talk to each other",
        || {
            let rotel = Rotel::start(rotel, &parts.folder)?;
            let service = Service::start(&parts.built.program, Some(&rotel.endpoint), &[])?;
            let prometheus = Prometheus::start(tools, &parts.folder, &service.admin)?;
            traffic::mixed(&service, |_| ())?;
            running = Some(Pipeline {
                service,
                prometheus,
                rotel,
            });
            Ok(())
        },
    );
    let Some(mut pipeline) = running else { return };
    cases.check(
        "Prometheus finds its target up, with the right series and labels",
        || series(&pipeline),
    );
    cases.check("the collector receives the spans", || received(&pipeline));
    cases.check(
        "an exemplar's trace id is in the log and among the collector's spans",
        || one_trace_id(&pipeline),
    );
    cases.check("the service stops with status 0", || {
        pipeline.service.stop()
    });
}

fn series(Pipeline { prometheus, .. }: &Pipeline) -> anyhow::Result<()> {
    let value_is = |expected: &'static str| {
        move |result: &[Value]| {
            result
                .first()
                .and_then(|series| series.get("value")?.get(1)?.as_str())
                == Some(expected)
        }
    };
    prometheus.query(&format!("up{{job=\"{JOB}\"}}"), value_is("1"))?;
    // As many as traffic::mixed sends.
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
    for always in [
        "target_info",
        "build_info",
        "process_cpu_seconds_total",
        "logging_events_total",
    ] {
        prometheus.query(always, |result| !result.is_empty())?;
    }
    // A raw path as a label value would be a new series for every order.
    let routes = prometheus.query(
        &format!("count by (http_route) ({HISTOGRAM}_count)"),
        |result| !result.is_empty(),
    )?;
    let raw = routes
        .iter()
        .filter(|route| route.to_string().contains("999999"))
        .count();
    if raw > 0 {
        bail!("a raw path has become a route: {routes:?}");
    }
    Ok(())
}

fn received(Pipeline { rotel, .. }: &Pipeline) -> anyhow::Result<()> {
    let spans = rotel.wait_for(|span| span.name == SLOW)?;
    if let Some(stranger) = spans.iter().find(|span| span.service != "orders-e2e") {
        bail!("service.name: found {stranger:?}, expected orders-e2e");
    }
    Ok(())
}

fn one_trace_id(
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
    let is_it = |span: &CollectedSpan| span.trace_id == *id && span.name == SLOW;
    rotel
        .wait_for(is_it)
        .with_context(|| format!("trace id {id} is in Prometheus"))?;
    Ok(())
}

const SLOW: &str = "GET /orders/{id}/slow-report";

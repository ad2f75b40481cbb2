//! The content of spans: parent, route, status, resource, and the caller's trace.

use anyhow::{Context as _, bail, ensure};
use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use support::Cases;

use super::Fixture;
use crate::{correlation::OneRequest, service::Service, traffic};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    let mut received = None;
    cases.check("spans: all three signals of a slow request agree", || {
        let collector = OtlpReceiver::start()?;
        let resource = (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=e2e",
        );
        let mut service = Service::start(
            &fixture.built.program,
            Some(&collector.endpoint()),
            &[resource],
        )?;
        let sent = traffic::mixed(&service, |_| ())?;
        OneRequest::slowest(&service, &collector, sent)?;
        traffic::get(
            &service,
            traffic::EXAMPLE_PATH,
            200,
            Some(&format!("00-{CALLER_TRACE}-{CALLER_SPAN}-01")),
        )?;
        let log = service.wait_for_log("the caller's trace id", |log| {
            log.iter().any(|line| line.trace_id() == CALLER_TRACE)
        });
        service.stop()?;
        log?;
        // The service has flushed, so spans that have not arrived are lost.
        received = Some(collector.spans());
        Ok(())
    });
    let Some(spans) = received else { return };
    cases.check("spans: route, status and kind", || check_attributes(&spans));
    cases.check("spans: steps are children of the request", || {
        check_children(&spans)
    });
    cases.check("spans: only a failing request has the status error", || {
        check_status(&spans)
    });
    cases.check("spans: each names its service", || check_resource(&spans));
    cases.check("spans: the caller's trace continues", || {
        check_caller(&spans)
    });
}

fn span_named<'a>(spans: &'a [ReceivedSpan], name: &str) -> anyhow::Result<&'a ReceivedSpan> {
    spans
        .iter()
        .find(|span| span.name == name)
        .with_context(|| {
            let names: std::collections::BTreeSet<_> =
                spans.iter().map(|span| &span.name).collect();
            format!("no span {name:?} among {names:?}")
        })
}

fn expect_attribute(span: &ReceivedSpan, attribute: &str, expected: &str) -> anyhow::Result<()> {
    let found = span.attributes.get(attribute).map(String::as_str);
    ensure!(
        found == Some(expected),
        "{}: {attribute}: found {found:?}, expected {expected:?}",
        span.name
    );
    Ok(())
}

fn check_attributes(spans: &[ReceivedSpan]) -> anyhow::Result<()> {
    let span = span_named(spans, SLOW_SPAN)?;
    ensure!(
        span.kind == "server",
        "kind: found {}, expected server",
        span.kind
    );
    for (attribute, expected) in [
        ("http.request.method", "GET"),
        ("http.route", "/orders/{id}/slow-report"),
        ("url.path", traffic::SLOW_PATH),
        ("url.scheme", "http"),
        ("network.protocol.version", "1.1"),
        ("http.response.status_code", "200"),
    ] {
        expect_attribute(span, attribute, expected)?;
    }
    Ok(())
}

fn check_children(spans: &[ReceivedSpan]) -> anyhow::Result<()> {
    let parent = span_named(spans, SLOW_SPAN)?;
    let children = spans
        .iter()
        .filter(|span| span.parent_span_id == parent.span_id);
    let mut children: Vec<_> = children
        .map(|span| (span.start, span.name.as_str(), span))
        .collect();
    children.sort_by_key(|(start, ..)| *start);
    let names: Vec<_> = children.iter().map(|(_, name, _)| *name).collect();
    let expected = [
        "find_order",
        "load_history",
        "render_page",
        "render_page",
        "render_page",
    ];
    ensure!(names == expected, "found {names:?}, expected {expected:?}");
    for (.., child) in &children {
        ensure!(
            child.trace_id == parent.trace_id,
            "{} is in another trace than its parent",
            child.name
        );
        ensure!(
            child.start >= parent.start && child.end <= parent.end,
            "{} is not within the time of its parent",
            child.name
        );
    }
    Ok(())
}

fn check_status(spans: &[ReceivedSpan]) -> anyhow::Result<()> {
    let failing = span_named(spans, "GET /orders/{id}/invoice")?;
    ensure!(
        failing.status == "error",
        "the failing request: found {}, expected error",
        failing.status
    );
    expect_attribute(failing, "error.type", "500")?;
    expect_attribute(failing, "http.response.status_code", "500")?;
    for span in spans
        .iter()
        .filter(|span| span.kind == "server" && span.name != failing.name)
    {
        let code = span
            .attributes
            .get("http.response.status_code")
            .map_or("", String::as_str);
        ensure!(
            span.status != "error",
            "{} {code} has the status error, which only a 5xx may have",
            span.name
        );
    }
    Ok(())
}

fn check_resource(spans: &[ReceivedSpan]) -> anyhow::Result<()> {
    for span in spans {
        for (attribute, expected) in [
            ("service.name", "orders-e2e"),
            ("service.version", "0.1.0"),
            ("deployment.environment.name", "e2e"),
        ] {
            let found = span.resource.get(attribute).map(String::as_str);
            ensure!(
                found == Some(expected),
                "{}: {attribute}: found {found:?}, expected {expected:?}",
                span.name
            );
        }
    }
    Ok(())
}

fn check_caller(spans: &[ReceivedSpan]) -> anyhow::Result<()> {
    let Some(span) = spans
        .iter()
        .find(|span| span.trace_id == CALLER_TRACE && span.kind == "server")
    else {
        bail!("no server span has the caller's trace id {CALLER_TRACE}");
    };
    ensure!(
        span.parent_span_id == CALLER_SPAN,
        "parent: found {}, expected {CALLER_SPAN}",
        span.parent_span_id
    );
    Ok(())
}

const SLOW_SPAN: &str = "GET /orders/{id}/slow-report";
const CALLER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER_SPAN: &str = "00f067aa0ba902b7";

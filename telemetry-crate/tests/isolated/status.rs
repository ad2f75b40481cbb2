//! Tests of the check and of `/telemetry`.

use std::{net::TcpListener, time::Duration};

use firstlight::{TelemetryConfig, testing::OtlpReceiver};
use serde_json::Value;

use crate::support::{ask, send};

pub(crate) fn checks_cover_every_pipeline() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .service_name("checked")
        .resource_attribute("deploy.token", "hunter2")
        .log_filter("off")
        .otlp_endpoint(receiver.endpoint())
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    let status = ask(address, "GET /telemetry").body;
    assert!(status.contains("\ntraces: unknown\n"), "{status}");
    assert!(status.contains("another version of `metrics`"), "{status}");

    let report = telemetry.check(Duration::from_secs(60));
    assert!(report.is_ok(), "{report}");
    let text = report.to_string();
    assert!(
        text.starts_with("telemetry check: ok\n  logs: ok, one line"),
        "{text}"
    );
    assert!(
        text.contains(&format!("found at http://{address}/metrics")),
        "{text}"
    );
    for part in ["metrics push", "log records"] {
        let part = format!("\n  {part}: ok, {}/v1/", receiver.endpoint());
        assert!(text.contains(&part), "{part:?} is not in {text}");
    }
    let sent = receiver.metrics();
    let sent = sent
        .iter()
        .find(|metric| metric.name == "firstlight_checks_total");
    assert_eq!(sent.unwrap().points[0].value, 1.0);
    let logs = receiver.logs();
    assert!(
        logs.iter()
            .any(|log| log.body.starts_with("telemetry check: ")),
        "{logs:?}"
    );
    let spans = receiver.spans();
    let canary = spans
        .iter()
        .find(|span| span.name == "telemetry check")
        .unwrap();
    assert!(text.contains(&canary.trace_id), "{text}");
    // A second check must find its own sample. Each check exports one span.
    assert!(telemetry.check(Duration::from_secs(60)).is_ok());

    metrics::describe_counter!("refunds", "Refunds.");
    metrics::counter!("orders", "tier" => "gold").increment(1);
    metrics::gauge!("orders_total").set(1.0);
    let status = ask(address, "GET /telemetry").body;
    for fact in [
        "\n  service.name: checked\n",
        "\n  deploy.token: ***\n",
        "logs: works\n",
        "\n  filter: off\n",
        "\ntraces: works\n",
        &format!("\n  endpoint: {}/v1/traces\n", receiver.endpoint()),
        "\n  sampler: parentbased_always_on\n",
        "\n  exported: 2\n",
        "\n  span filter: info\n",
        "\n  rejected: gauge orders_total is not recorded: ",
        "\n  metrics of the program: 1\n",
        "\n  largest: orders_total has 1 of 2000 series, 1 of them added in the last two minutes; its label tier has 1 value, such as gold\n",
        "\n  no sample yet: refunds_total\n",
        "\n  scrapes: 2\n",
        "\n  note: a described metric has no sample before its first event; ",
        "\n  opentelemetry: the global propagator and tracer provider are firstlight's\n",
    ] {
        assert!(status.contains(fact), "{fact:?} is not in\n{status}");
    }
    // A metric without a sample is normal at the start.
    let (_, metrics) = status.split_once("\nmetrics: ").unwrap();
    let lines = metrics
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with(' '));
    assert_eq!(
        lines.filter(|line| line.contains("caution")).count(),
        0,
        "{status}"
    );
    // Each described metric is recorded now, so nothing hints at a handle from before init().
    metrics::counter!("refunds").increment(1);
    let status = ask(address, "GET /telemetry").body;
    assert!(!status.contains("before init()"), "{status}");
    let json = send(
        address,
        "GET /telemetry HTTP/1.1\r\nhost: localhost\r\naccept: application/json",
        "",
    );
    assert!(
        json.head.contains("content-type: application/json"),
        "{}",
        json.head
    );
    let json: Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(json["service"]["resource"]["service.name"], "checked");
    assert_eq!(json["traces"]["state"], "works");
    assert_eq!(json["traces"]["exported"], 2);
    assert_eq!(json["metrics"]["state"], "needs attention");

    // The collector stops.
    let endpoint = receiver.endpoint();
    drop(receiver);
    let report = telemetry.check(Duration::from_secs(60));
    assert!(!report.is_ok(), "{report}");
    let text = report.to_string();
    for part in ["traces", "metrics push", "log records"] {
        let part = format!("\n  {part}: failed, {}/v1/", endpoint);
        assert!(text.contains(&part), "{part:?} is not in {text}");
    }
    let status = ask(address, "GET /telemetry").body;
    assert!(status.contains("\ntraces: needs attention\n"), "{status}");
    assert!(status.contains("is the collector running"), "{status}");
    assert!(status.contains("  lost by reason: 1 connect\n"), "{status}");
}

pub(crate) fn hanging_collectors_fail_every_part() {
    // The kernel accepts connections to this listener, which never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(format!("http://{}", hanging.local_addr().unwrap()))
        .without_admin()
        .init()
        .unwrap();
    let report = telemetry.check(Duration::from_secs(2)).to_string();
    for part in ["traces", "metrics push", "log records"] {
        assert!(
            report.contains(&format!("\n  {part}: failed, ")),
            "{report}"
        );
    }
    drop(telemetry);
    drop(hanging);
}

pub(crate) fn replaced_globals_are_named() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    let status = || ask(address, "GET /telemetry").body;
    let notes = || telemetry.check(Duration::from_secs(60)).to_string();
    assert!(status().contains("\ncrates: works\n"), "{}", status());
    assert!(
        status().contains("\n  seen: opentelemetry 0."),
        "{}",
        status()
    );
    assert!(!notes().contains("replaced"), "{}", notes());

    opentelemetry::global::set_tracer_provider(
        opentelemetry_sdk::trace::SdkTracerProvider::default(),
    );
    for text in [status(), notes()] {
        assert!(
            text.contains("replaced the global tracer provider")
                && !text.contains("replaced the global propagator"),
            "{text}"
        );
    }
    opentelemetry::global::set_text_map_propagator(
        opentelemetry_sdk::propagation::TraceContextPropagator::new(),
    );
    for text in [status(), notes()] {
        assert!(text.contains("replaced the global propagator"), "{text}");
    }
    assert!(
        status().contains("\ncrates: needs attention\n"),
        "{}",
        status()
    );

    // A thread of the program has a subscriber of its own.
    let other = tracing::subscriber::NoSubscriber::default();
    let text = tracing::subscriber::with_default(other, notes);
    assert!(
        text.contains("layer is not in this thread's subscriber"),
        "{text}"
    );
}

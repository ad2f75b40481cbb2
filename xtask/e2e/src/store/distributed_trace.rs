//! One trace from a client through two services, a queue and two databases.
//!
//! Its spans are checked at the library's receiver and at a third-party collector.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use anyhow::{bail, ensure};
use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use support::{Cases, paths, tools};

use super::{Fixture, orders};
use crate::collector::{self, CollectedSpan, Rotel};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check(
        "trace: complete across services, databases and queue",
        || {
            let receiver = OtlpReceiver::start()?;
            place_order(fixture, &receiver.endpoint(), ["shop", "bank"])?;
            check_trace(receiver.spans().into_iter().map(Span::from))
        },
    );
    let what = "trace: complete at a third-party collector";
    match tools::rotel() {
        Ok(rotel) => {
            cases.check(what, || check_at_collector(fixture, &rotel));
        }
        Err(error) => cases.not_run(what, &format!("{error:#}")),
    }
}

fn check_at_collector(fixture: &Fixture, program: &Path) -> anyhow::Result<()> {
    let rotel = Rotel::start(program, &paths::fresh("e2e-journey")?)?;
    place_order(
        fixture,
        &rotel.endpoint,
        ["shop_collected", "bank_collected"],
    )?;
    // The collector has received all spans, but may not have printed them yet.
    rotel
        .wait_for_lines(|lines| check_trace(collector::spans_in(lines).into_iter().map(Span::from)))
}

/// Places an order that passes through both services.
///
/// Returns once the order is done and all spans are exported to `endpoint`.
fn place_order(
    fixture: &Fixture,
    endpoint: &str,
    databases: [&'static str; 2],
) -> anyhow::Result<()> {
    // Each service has its own database, because the bank would otherwise run the shop's jobs.
    let [shop_database, bank_database] = databases;
    let bank_database = fixture.database(bank_database)?;
    let mut bank = bank_database.serve_traced(Some(endpoint), &[("OTEL_SERVICE_NAME", BANK)])?;
    let shop_database = fixture.database(shop_database)?;
    let shop_settings = [("OTEL_SERVICE_NAME", SHOP), ("BANK_URL", &*bank.address)];
    let mut shop = shop_database.serve_traced(Some(endpoint), &shop_settings)?;

    let traceparent = format!("00-{TRACE}-{CLIENT}-01");
    let answer = orders::send(&shop, orders::TELESCOPE, &[("traceparent", &traceparent)])?;
    orders::accepted(&answer)?;
    shop_database.wait_for("orders that are done", DONE, 1)?;
    // Each service flushes its spans before it ends.
    shop.stop()?;
    bank.stop()
}

fn check_trace(spans: impl Iterator<Item = Span>) -> anyhow::Result<()> {
    let spans: Vec<_> = spans.filter(|span| span.trace_id == TRACE).collect();
    let trace: Trace<'_> = spans.iter().map(|span| (&*span.id, span)).collect();

    for span in trace.values() {
        ensure!(
            span.parent == CLIENT || trace.contains_key(&*span.parent),
            "the parent of {:?} did not arrive",
            span.name
        );
        ensure!(
            !span.failed,
            "{:?} has the status error without a failure: {span:?}",
            span.name
        );
    }
    // The path leads from the last span to the first, by parent ids.
    let path = path_from(PAYMENT, &trace)?;
    let hops: Vec<_> = path
        .iter()
        .filter(|span| span.kind != "internal")
        .map(|span| (&*span.service, &*span.kind, &*span.name))
        .collect();
    ensure!(hops == HOPS, "found {hops:#?}, expected {HOPS:#?}");
    let first = path.last().map(|span| &*span.parent);
    ensure!(
        first == Some(CLIENT),
        "the first hop's parent: found {first:?}, expected the client's span {CLIENT}"
    );
    // The spans of the shop's database are not on this path, but belong to the same request.
    for name in ["INSERT orders", ENQUEUE, "UPDATE orders"] {
        let path = path_from(name, &trace)?;
        let request = path.last().map(|span| &*span.name);
        ensure!(
            request == Some("POST /orders"),
            "{name}: found the root {request:?}, expected the client's request"
        );
    }
    Ok(())
}

/// A received span, from either receiver.
#[derive(Debug)]
struct Span {
    trace_id: String,
    id: String,
    parent: String,
    service: String,
    /// The kind in lower case, such as `server`.
    kind: String,
    name: String,
    failed: bool,
}

impl From<ReceivedSpan> for Span {
    fn from(span: ReceivedSpan) -> Self {
        let service = span.resource.get("service.name").cloned();
        Self {
            service: service.unwrap_or_default(),
            trace_id: span.trace_id,
            id: span.span_id,
            parent: span.parent_span_id,
            kind: span.kind.to_owned(),
            name: span.name,
            failed: span.status == "error",
        }
    }
}

impl From<CollectedSpan> for Span {
    fn from(span: CollectedSpan) -> Self {
        let kind = span.kind.trim_start_matches("SPAN_KIND_");
        Self {
            kind: kind.to_lowercase(),
            failed: span.status == "STATUS_CODE_ERROR",
            service: span.service,
            trace_id: span.trace_id,
            id: span.span_id,
            parent: span.parent_span_id,
            name: span.name,
        }
    }
}

/// The spans of a trace by span id.
type Trace<'a> = HashMap<&'a str, &'a Span>;

/// The span with this name and all its ancestors in the trace.
fn path_from<'a>(name: &str, trace: &Trace<'a>) -> anyhow::Result<Vec<&'a Span>> {
    let mut next = trace.values().find(|span| span.name == name).copied();
    let mut path = Vec::new();
    while let Some(span) = next {
        path.push(span);
        next = trace.get(&*span.parent).copied();
        ensure!(path.len() <= trace.len(), "{name} is its own ancestor");
    }
    if path.is_empty() {
        let names: BTreeSet<_> = trace.values().map(|span| &span.name).collect();
        bail!("no span {name:?} among {names:?}");
    }
    Ok(path)
}

const DONE: &str = "SELECT COUNT(*) FROM orders WHERE charged";
const SHOP: &str = "shop";
const BANK: &str = "bank";
const PAYMENT: &str = "INSERT payments";
const ENQUEUE: &str = "INSERT apalis.jobs SELECT";

/// The path from the bank's database back to the client's request.
const HOPS: [(&str, &str, &str); 6] = [
    (BANK, "client", PAYMENT),
    (BANK, "server", "POST /payments/{order}"),
    (SHOP, "client", "POST /payments/{order}"),
    (SHOP, "consumer", "process charges"),
    (SHOP, "producer", "send charges"),
    (SHOP, "server", "POST /orders"),
];

/// The client's trace id.
const TRACE: &str = "70a57000000000000000000000000006";
/// The id of the client's span.
const CLIENT: &str = "c11e000000000001";

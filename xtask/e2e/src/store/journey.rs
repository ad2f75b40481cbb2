//! One trace from a client through two services, a queue and two databases, followed where it arrives: at our own receiver,
//! and at a foreign collector.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use anyhow::{bail, ensure};
use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use support::{Cases, paths, tools};

use super::{Parts, orders};
use crate::collector::{self, CollectedSpan, Rotel};

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    cases.check(
        "a client's trace goes on through service, database, queue, worker, outgoing call and second service, and is whole",
        || {
            let receiver = OtlpReceiver::start()?;
            place(parts, &receiver.endpoint(), ["shop", "bank"])?;
            is_whole(receiver.spans().into_iter().map(Span::from))
        },
    );
    let what = "the same trace is whole at a real collector";
    match tools::rotel() {
        Ok(rotel) => {
            cases.check(what, || collected(parts, &rotel));
        }
        Err(error) => cases.not_run(what, &format!("{error:#}")),
    }
}

fn collected(parts: &Parts, program: &Path) -> anyhow::Result<()> {
    let rotel = Rotel::start(program, &paths::fresh("e2e-journey")?)?;
    place(parts, &rotel.endpoint, ["shop_collected", "bank_collected"])?;
    // It has them all, and takes a moment to print them.
    rotel.wait_for_lines(|lines| is_whole(collector::spans_in(lines).into_iter().map(Span::from)))
}

/// Has an order go all the way, with its spans sent to `endpoint`. All of them have been sent when it returns.
fn place(parts: &Parts, endpoint: &str, databases: [&'static str; 2]) -> anyhow::Result<()> {
    // A database of its own each, or the bank would work off the shop's queue.
    let [shop_database, bank_database] = databases;
    let bank_database = parts.database(bank_database)?;
    let mut bank = bank_database.serve_traced(Some(endpoint), &[("OTEL_SERVICE_NAME", BANK)])?;
    let shop_database = parts.database(shop_database)?;
    let shop_settings = [("OTEL_SERVICE_NAME", SHOP), ("BANK_URL", &*bank.address)];
    let mut shop = shop_database.serve_traced(Some(endpoint), &shop_settings)?;

    let traceparent = format!("00-{TRACE}-{CLIENT}-01");
    let answer = orders::send(&shop, orders::TELESCOPE, &[("traceparent", &traceparent)])?;
    orders::accepted(&answer)?;
    shop_database.wait_for("orders that are done", DONE, 1)?;
    // Each flushes before it ends.
    shop.stop()?;
    bank.stop()
}

fn is_whole(spans: impl Iterator<Item = Span>) -> anyhow::Result<()> {
    let spans: Vec<_> = spans.filter(|span| span.trace_id == TRACE).collect();
    let trace: Trace<'_> = spans.iter().map(|span| (&*span.id, span)).collect();

    for span in trace.values() {
        ensure!(
            span.parent == CLIENT || trace.contains_key(&*span.parent),
            "the parent of {:?} never arrived",
            span.name
        );
        ensure!(
            !span.failed,
            "nothing went wrong, and {:?} has the status error: {span:?}",
            span.name
        );
    }
    // Back from the last to the first, by the ids that each has of its parent.
    let way = way_to(PAYMENT, &trace)?;
    let hops: Vec<_> = way
        .iter()
        .filter(|span| span.kind != "internal")
        .map(|span| (&*span.service, &*span.kind, &*span.name))
        .collect();
    ensure!(hops == HOPS, "found {hops:#?}, expected {HOPS:#?}");
    let first = way.last().map(|span| &*span.parent);
    ensure!(
        first == Some(CLIENT),
        "the first hop's parent: found {first:?}, expected the client's span {CLIENT}"
    );
    // The first database is left again before the queue is reached, so its spans are beside the way.
    for name in ["INSERT orders", ENQUEUE, "UPDATE orders"] {
        let end = way_to(name, &trace)?;
        let request = end.last().map(|span| &*span.name);
        ensure!(
            request == Some("POST /orders"),
            "{name} belongs to {request:?}, expected it below the client's request"
        );
    }
    Ok(())
}

/// A span, as it was received.
#[derive(Debug)]
struct Span {
    trace_id: String,
    id: String,
    parent: String,
    service: String,
    /// Such as `server`.
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

type Trace<'a> = HashMap<&'a str, &'a Span>;

/// The span of this name, its parent, and so on to the first that has none in the trace.
fn way_to<'a>(name: &str, trace: &Trace<'a>) -> anyhow::Result<Vec<&'a Span>> {
    let mut next = trace.values().find(|span| span.name == name).copied();
    let mut way = Vec::new();
    while let Some(span) = next {
        way.push(span);
        next = trace.get(&*span.parent).copied();
        ensure!(way.len() <= trace.len(), "{name} is its own ancestor");
    }
    if way.is_empty() {
        let names: BTreeSet<_> = trace.values().map(|span| &span.name).collect();
        bail!("no span {name:?} among {names:?}");
    }
    Ok(way)
}

const DONE: &str = "SELECT COUNT(*) FROM orders WHERE charged";
const SHOP: &str = "shop";
const BANK: &str = "bank";
const PAYMENT: &str = "INSERT payments";
const ENQUEUE: &str = "INSERT apalis.jobs SELECT";

/// The way back, from the second database to the request of the client.
const HOPS: [(&str, &str, &str); 6] = [
    (BANK, "client", PAYMENT),
    (BANK, "server", "POST /payments/{order}"),
    (SHOP, "client", "POST /payments/{order}"),
    (SHOP, "consumer", "process charges"),
    (SHOP, "producer", "send charges"),
    (SHOP, "server", "POST /orders"),
];

const TRACE: &str = "70a57000000000000000000000000006";
const CLIENT: &str = "c11e000000000001";

//! Tests of gRPC calls through two services.

#[path = "../support/shop.rs"]
mod shop;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use firstlight::{
    TelemetryConfig,
    grpc::{ClientLayer, ClientService, RemoteParent, ServerLayer},
    metrics::Format,
    testing::{OtlpReceiver, ReceivedSpan},
};
use shop::{Client, Orders};
use tokio::sync::mpsc;
use tonic::{
    Code, Request,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tower::Layer;

use crate::support::ask;

/// The `traceparent` of a caller.
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Starts a service, and returns its address.
async fn serve(orders: Orders, layer: ServerLayer) -> SocketAddr {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let server = Server::builder().layer(layer).add_service(orders);
    tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
    address
}

fn client(address: SocketAddr, layer: ClientLayer) -> Client<ClientService<Channel>> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    Client::new(layer.layer(endpoint.connect_lazy()))
}

/// Returns the spans of this kind and name.
fn spans_of<'a>(spans: &'a [ReceivedSpan], kind: &str, name: &str) -> Vec<&'a ReceivedSpan> {
    let is = |span: &&ReceivedSpan| span.kind == kind && span.name == name;
    spans.iter().filter(is).collect()
}

/// Returns the status of the span, the status code of the call, and `error.type`.
fn end(span: &ReceivedSpan) -> (&str, &str, &str) {
    let attribute = |key| span.attributes.get(key).map_or("", String::as_str);
    (
        span.status,
        attribute("rpc.status_code"),
        attribute("error.type"),
    )
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn streams_are_one_trace_to_their_end() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let deadline = Duration::from_secs(30);

    // One service forwards its calls to another.
    let orders = serve(Orders::default(), ServerLayer::new()).await;
    let layer = ClientLayer::new().server("orders.internal", 50051);
    let front = serve(
        Orders::forwarding_to(client(orders, layer.clone())),
        ServerLayer::new(),
    )
    .await;
    let mut front = client(front, ClientLayer::new().without_propagation());
    let mut request = Request::new("7".to_owned());
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", CALLER.parse().unwrap());
    metadata.insert("baggage", "customer=4711".parse().unwrap());
    let answer = front.get(request).await.unwrap();
    assert_eq!(
        answer.into_inner(),
        "order 7, baggage customer=4711",
        "the response of the called service"
    );

    // tonic sends the status of a failed unary call in the head, without trailers.
    let mut orders_client = client(orders, layer.clone());
    for (order, code) in [("missing", Code::NotFound), ("broken", Code::Internal)] {
        let answer = orders_client.get(Request::new(order.to_owned())).await;
        assert_eq!(answer.unwrap_err().code(), code);
    }
    // No service has these methods.
    for path in ["/shop.Orders/Scan1", "/Scan2/Get"] {
        let answer = orders_client.call(path).await;
        assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    }
    orders_client
        .call("/grpc.health.v1.Health/Check")
        .await
        .ok();

    // The span of a stream ends with the stream.
    let (say, said) = mpsc::channel(1);
    let mut chat = orders_client.chat(said).await.unwrap();
    say.send("a".to_owned()).await.unwrap();
    assert_eq!(chat.message().await.unwrap().unwrap(), "a again");
    telemetry.flush(deadline).unwrap();
    let early = receiver.spans();
    assert!(early.iter().all(|span| span.name != "shop.Orders/Chat"));
    let open = ask(telemetry.admin_address().unwrap(), "GET /traces?open").body;
    let mut calls = open
        .lines()
        .filter(|line| line.contains("shop.Orders/Chat"));
    let is_served = calls.any(|line| line.contains("  request, started "));
    assert!(is_served, "{open}");
    drop(say);
    assert_eq!(chat.message().await.unwrap(), None);
    let mut stream = orders_client.watch("3").await.unwrap();
    for message in ["1", "2", "3"] {
        assert_eq!(stream.message().await.unwrap().unwrap(), message);
    }
    assert_eq!(stream.message().await.unwrap(), None);
    // A stream that breaks off has its status in the trailers.
    let mut stream = orders_client.watch("break").await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap(), "1");
    assert_eq!(stream.message().await.unwrap_err().code(), Code::DataLoss);

    // A call whose deadline passes, and a client that disconnects.
    let mut with_deadline = Request::new("hang".to_owned());
    with_deadline.set_timeout(Duration::from_millis(300));
    assert!(orders_client.get(with_deadline).await.is_err());
    let mut left = orders_client.watch("hang").await.unwrap();
    assert_eq!(left.message().await.unwrap().unwrap(), "1");
    drop(left);
    let refused = client(([127, 0, 0, 1], 1).into(), ClientLayer::new())
        .get(Request::new(String::new()))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);

    // With `Link` the call has a new trace and no baggage.
    let edge = ServerLayer::new().remote_parent(RemoteParent::Link);
    let edge = serve(Orders::forwarding_to(orders_client.clone()), edge).await;
    let mut untrusted = Request::new("8".to_owned());
    let metadata = untrusted.metadata_mut();
    metadata.insert("traceparent", CALLER.parse().unwrap());
    metadata.insert("baggage", "customer=4711".parse().unwrap());
    let answer = client(edge, ClientLayer::new().without_propagation())
        .get(untrusted)
        .await;
    assert_eq!(answer.unwrap().into_inner(), "order 8, baggage none");

    // A server detects late that a client has disconnected. The deadline of the call may pass
    // earlier, so both codes are possible.
    let is_over = |span: &ReceivedSpan| {
        let gone = ["DEADLINE_EXCEEDED", "CANCELLED"].contains(&end(span).1);
        span.kind == "server" && gone
    };
    let start = Instant::now();
    while receiver.spans().iter().filter(|span| is_over(span)).count() < 2
        && start.elapsed() < deadline
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
        telemetry.flush(deadline).unwrap();
    }
    let spans = receiver.spans();

    let gets = spans_of(&spans, "server", "shop.Orders/Get");
    let parent_of = |child: &ReceivedSpan| {
        let found = spans
            .iter()
            .find(|span| span.span_id == child.parent_span_id);
        found
            .unwrap_or_else(|| panic!("no parent of {child:?}"))
            .clone()
    };
    // The spans of the called service, of the call, and of the calling service.
    let far = gets[0];
    let call = parent_of(far);
    let near = parent_of(&call);
    assert_eq!((&*call.name, call.kind), ("shop.Orders/Get", "client"));
    assert_eq!((&*near.name, near.kind), ("shop.Orders/Get", "server"));
    assert_eq!(near.parent_span_id, "b7ad6b7169203331");
    for span in [far, &call, &near] {
        assert_eq!(span.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(end(span), ("unset", "OK", ""));
        assert_eq!(span.attributes["rpc.system.name"], "grpc");
        assert_eq!(span.attributes["rpc.method"], "shop.Orders/Get");
    }
    assert_eq!(call.attributes["server.address"], "orders.internal");
    assert_eq!(call.attributes["server.port"], "50051");

    let edge = spans.iter().find(|span| !span.links.is_empty()).unwrap();
    assert_eq!((&*edge.name, edge.kind), ("shop.Orders/Get", "server"));
    assert_ne!(edge.trace_id, far.trace_id);
    assert_eq!(edge.links[0].trace_id, far.trace_id);

    let both = |name: &str, server, client| {
        for (kind, expected) in [("server", server), ("client", client)] {
            let ends: Vec<_> = spans_of(&spans, kind, name).into_iter().map(end).collect();
            assert!(ends.contains(&expected), "{kind} {name}: {ends:?}");
        }
    };
    let of_both = |name, end| both(name, end, end);
    let get = "shop.Orders/Get";
    both(
        get,
        ("unset", "NOT_FOUND", ""),
        ("error", "NOT_FOUND", "NOT_FOUND"),
    );
    of_both(get, ("error", "INTERNAL", "INTERNAL"));
    let client_gets = spans_of(&spans, "client", get).into_iter().map(end);
    let too_late = ("error", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED");
    assert!(client_gets.into_iter().any(|end| end == too_late));
    of_both("shop.Orders/Watch", ("unset", "OK", ""));
    of_both("shop.Orders/Chat", ("unset", "OK", ""));
    of_both("shop.Orders/Watch", ("error", "DATA_LOSS", "DATA_LOSS"));
    of_both("shop.Orders/Watch", ("unset", "CANCELLED", "cancelled"));
    let refused = spans_of(&spans, "client", get).into_iter().map(end);
    assert!(
        refused
            .into_iter()
            .any(|end| end == ("error", "", "connection_refused"))
    );

    let unknown = spans_of(&spans, "server", "grpc");
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert_eq!(unknown[0].attributes["rpc.method"], "_OTHER");
    assert_eq!(
        unknown[0].attributes["rpc.method_original"],
        "shop.Orders/Scan1"
    );
    let probes = spans.iter().filter(|span| span.name.contains("Health"));
    assert!(probes.into_iter().all(|span| span.kind == "client"));

    assert!(
        spans.iter().all(|span| span.events.is_empty()),
        "events about the call are not added to its span"
    );
    assert!(
        !format!("{spans:?}").contains("hunter2"),
        "the text of a status is not recorded"
    );
    let exposition = telemetry.metrics().render(Format::OpenMetrics);
    let count = |labels: &str| {
        let line = format!("_call_duration_seconds_count{{{labels}}} ");
        let mut found = exposition
            .lines()
            .filter_map(|candidate| candidate.split_once(&line));
        found
            .next()
            .unwrap_or_else(|| panic!("no {line} in\n{exposition}"))
            .1
            .to_owned()
    };
    assert_eq!(
        count(
            "error_type=\"UNIMPLEMENTED\",rpc_method=\"_OTHER\",rpc_status_code=\"UNIMPLEMENTED\",rpc_system_name=\"grpc\""
        ),
        "2"
    );
    assert_eq!(
        count(
            "rpc_method=\"shop.Orders/Chat\",rpc_status_code=\"OK\",rpc_system_name=\"grpc\",server_address=\"orders.internal\",server_port=\"50051\""
        ),
        "1"
    );
    let chat = &spans_of(&spans, "server", "shop.Orders/Chat")[0].trace_id;
    assert!(
        exposition.contains(&format!("trace_id=\"{chat}\"")),
        "an exemplar"
    );
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}

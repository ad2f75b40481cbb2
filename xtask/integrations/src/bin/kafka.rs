//! Kafka with rdkafka: request, message and its processing are one trace.
//!
//! `KAFKA_BROKERS=localhost:9092 cargo run --features kafka --bin kafka`, then `curl -X POST localhost:8080/orders`.
//! Without the variable, the brokers are those that librdkafka has for tests.

use std::{env, error::Error, process::ExitCode, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use firstlight::{InitError, context::TraceContext, http::TelemetryLayer};
use rdkafka::{
    ClientConfig, Message,
    consumer::{Consumer as _, StreamConsumer},
    message::{BorrowedMessage, Header, Headers as _, OwnedHeaders},
    mocking::MockCluster,
    producer::{FutureProducer, FutureRecord},
};
use tokio::net::TcpListener;
use tracing::{Instrument as _, info_span};

const TOPIC: &str = "orders";

/// How long a message may wait for a broker.
const TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let test_brokers = match env::var("KAFKA_BROKERS") {
        Ok(_) => None,
        Err(_) => Some(MockCluster::new(1)?),
    };
    let brokers = match &test_brokers {
        Some(cluster) => {
            cluster.create_topic(TOPIC, 1, 1)?;
            cluster.bootstrap_servers()
        }
        None => env::var("KAFKA_BROKERS")?,
    };
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .create()?;
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("group.id", "shipping")
        .set("auto.offset.reset", "earliest")
        .create()?;
    consumer.subscribe(&[TOPIC])?;
    let consuming = tokio::spawn(consume(consumer));
    let app = Router::new()
        .route("/orders", post(place))
        .layer(TelemetryLayer::new())
        .with_state(producer);
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    firstlight::http::serve(listener, app)
        .with_graceful_shutdown(firstlight::shutdown_signal())
        .await;
    consuming.abort();
    // The consumer leaves its group, for which it needs the brokers.
    let _ = consuming.await;
    Ok(())
}

async fn place(State(producer): State<FutureProducer>) -> Result<StatusCode, StatusCode> {
    let span = info_span!(
        "send orders",
        otel.kind = "producer",
        messaging.system = "kafka",
        messaging.destination.name = TOPIC,
    );
    let send = async {
        // Inside the span, which becomes the parent of the processing.
        let context = TraceContext::current();
        let headers = context
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            });
        let record = FutureRecord::to(TOPIC).key("7").payload("one telescope");
        producer.send(record.headers(headers), TIMEOUT).await
    };
    match send.instrument(span).await {
        Ok(_) => Ok(StatusCode::ACCEPTED),
        Err((error, _)) => {
            tracing::error!(error = &error as &dyn Error, "cannot send the order");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

async fn consume(consumer: StreamConsumer) {
    loop {
        match consumer.recv().await {
            Ok(message) => {
                let span = span_of(&message);
                span.in_scope(|| tracing::info!("order shipped"));
            }
            Err(error) => tracing::warn!(error = &error as &dyn Error, "cannot receive"),
        }
    }
}

/// A span that continues the trace of the message.
fn span_of(message: &BorrowedMessage<'_>) -> tracing::Span {
    let headers = message.headers().into_iter().flat_map(|all| all.iter());
    let headers = headers.filter_map(|header| Some((header.key, header.value?)));
    TraceContext::from_headers(headers).child(|| {
        info_span!(
            "process orders",
            otel.kind = "consumer",
            messaging.system = "kafka",
            messaging.destination.name = TOPIC,
            messaging.kafka.offset = message.offset(),
        )
    })
}

//! Tests of `http::serve` with misbehaving clients.
//!
//! Each test has a server of its own with small limits.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod bodies;
mod clients;
mod drain;
#[cfg(feature = "actix")]
mod frameworks;
mod http2;
mod identity;
mod layers;
mod problems;
mod recorded;
mod sent;
mod spans;

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{Request, Response, StatusCode},
    routing::{get, post},
};
use firstlight::{
    http::{BodyLimits, Serve, TelemetryLayer, serve},
    testing::Capture,
};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Deadline of each wait.
///
/// Long, because the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_secs(30);

/// Value of the timeout that a test sets and waits for.
const SHORT: Duration = Duration::from_millis(400);

/// Size of a large response, which the buffers of sockets cannot hold.
const LARGE: usize = 32 * 1024 * 1024;

/// A running server, and the sender that stops it.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Running {
    /// Starts a server of [`app`] with these limits.
    async fn start(limits: impl FnOnce(Serve) -> Serve) -> Self {
        Self::with(app(), limits).await
    }

    /// Starts a server of another router.
    async fn with(app: Router, limits: impl FnOnce(Serve) -> Serve) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = limits(serve(listener, app)).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        Self {
            address,
            stop,
            server: tokio::spawn(server.into_future()),
        }
    }

    /// Connects and sends `bytes`.
    async fn client(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    /// Sends a request without a body, and returns the whole response.
    ///
    /// `request` is a head without `connection: close` and the empty line, which are added.
    async fn ask(&self, request: &str) -> String {
        let request = format!("{request}connection: close\r\n\r\n");
        answer(self.client(&request).await).await
    }

    /// Stops the server, and waits for the end of its drain.
    async fn end(self) {
        self.stop.send(()).unwrap();
        timeout(DEADLINE, self.server).await.unwrap().unwrap();
    }
}

/// Reads everything until the server closes the connection.
async fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    // A reset ends the connection as well.
    let _ = timeout(DEADLINE, read)
        .await
        .expect("the connection stays open");
    String::from_utf8(bytes).unwrap()
}

/// Waits until the server has applied a limit `times` times.
async fn wait_for_limited(capture: &Capture, limit: &str, times: f64) {
    let counted = async {
        while capture.metric("serve_limited_total", [("limit", limit)]) != Some(times) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(DEADLINE, counted).await;
    let found = capture.metric("serve_limited_total", [("limit", limit)]);
    assert!(
        waited.is_ok(),
        "expected {times} of {limit}, found {found:?}"
    );
}

/// Waits until this number of connections is open.
async fn wait_for_open(capture: &Capture, connections: f64) {
    wait_for_gauge(capture, "serve_open_connections", connections).await;
}

/// Waits until this number of requests is being served.
async fn wait_for_active(capture: &Capture, requests: f64) {
    wait_for_gauge(capture, "http_server_active_requests", requests).await;
}

/// Waits until a gauge without labels has this value.
async fn wait_for_gauge(capture: &Capture, gauge: &str, value: f64) {
    let reached = async {
        while capture.metric(gauge, []).unwrap_or_default() != value {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(DEADLINE, reached).await;
    let found = capture.metric(gauge, []);
    assert!(
        waited.is_ok(),
        "expected {value} of {gauge}, found {found:?}"
    );
}

fn app() -> Router {
    let slow = BodyLimits::new().max_bytes(None).timeout(None);
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route(
            "/client",
            get(|client: ConnectInfo<SocketAddr>| async move { client.to_string() }),
        )
        .route(
            "/collect",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/frames", post(frames))
        .route("/slow", post(frames).layer(slow))
        .route("/large", get(large))
        .route("/events", get(events))
        .route("/drops", get(drops))
        .route("/hangs", get(std::future::pending::<()>))
        .route("/panics", get(panics))
        .route("/breaks", get(breaks))
        .route("/upgrade", get(upgrade))
        .layer(TelemetryLayer::new())
}

/// Reads the body frame by frame, and maps every error to status 400.
async fn frames(mut body: Body) -> Result<String, StatusCode> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        length += frame.into_data().map_or(0, |data| data.len());
    }
    Ok(length.to_string())
}

async fn large() -> Body {
    let parts = std::iter::repeat_n(Bytes::from(vec![b'x'; LARGE / 32]), 32);
    Body::from_stream(tokio_stream::iter(parts.map(Ok::<_, Infallible>)))
}

/// Responds with one event and never ends.
async fn events() -> Response<Body> {
    let event = tokio_stream::once(Ok::<_, Infallible>("data: 1\n\n"));
    let events = tokio_stream::StreamExt::chain(event, tokio_stream::pending());
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(Body::from_stream(events)).unwrap()
}

/// Sends an endless body in parts of ten bytes, as fast as the client reads.
async fn drops() -> Body {
    let part = Bytes::from_static(b"0123456789");
    Body::from_stream(tokio_stream::iter(
        std::iter::repeat(part).map(Ok::<_, Infallible>),
    ))
}

async fn panics() -> StatusCode {
    panic!("on purpose")
}

/// Panics in the middle of the body.
async fn breaks() -> Body {
    Body::from_stream(tokio_stream::iter((0..2).map(|part| {
        assert!(part < 1, "on purpose");
        Ok::<_, Infallible>(Bytes::from_static(b"part"))
    })))
}

/// Upgrades to a protocol that echoes.
async fn upgrade(mut request: Request<Body>) -> Response<Body> {
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut socket = TokioIo::new(upgraded.await.unwrap());
        let mut buffer = [0; 16];
        while let Ok(length @ 1..) = socket.read(&mut buffer).await {
            socket.write_all(&buffer[..length]).await.unwrap();
        }
    });
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    let response = response
        .header("connection", "upgrade")
        .header("upgrade", "echo");
    response.body(Body::empty()).unwrap()
}

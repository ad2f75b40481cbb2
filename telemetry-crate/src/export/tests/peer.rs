//! Servers and proxies that stand in for a collector.

use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    config::{Destination, Protocol, Tls},
    testing::OtlpReceiver,
};

/// A server of HTTP/1.1 and HTTP/2 that runs until the test process ends.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Peer {
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn destination(&self) -> Destination {
        destination(self.address)
    }
}

/// A destination for metrics over HTTP, without compression.
pub(super) fn destination(address: SocketAddr) -> Destination {
    Destination {
        endpoint: format!("http://{address}/v1/metrics").parse().unwrap(),
        protocol: Protocol::HttpProtobuf,
        headers: Vec::new(),
        gzip: false,
        request_timeout: Duration::from_secs(30),
        tls: Tls::default(),
    }
}

/// A server that gives every request the same response.
pub(super) fn answering(status: u16, kind: &'static str, body: &str) -> Peer {
    let body = Bytes::copy_from_slice(body.as_bytes());
    serve(move |_| {
        let mut response = Response::builder().status(status);
        if !kind.is_empty() {
            response = response.header(header::CONTENT_TYPE, kind);
        }
        response.body(Full::new(body.clone())).unwrap()
    })
}

/// A server that accepts requests of at most `max_bytes`.
pub(super) fn accepting_up_to(max_bytes: usize) -> Peer {
    serve(move |bytes| {
        let status = if bytes > max_bytes { 413 } else { 200 };
        Response::builder()
            .status(status)
            .body(Full::default())
            .unwrap()
    })
}

fn serve(answer: impl Fn(usize) -> Response<Full<Bytes>> + Clone + Send + 'static) -> Peer {
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    let address = accept(move |stream| {
        let (counter, answer) = (counter.clone(), answer.clone());
        async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (counter, answer) = (counter.clone(), answer.clone());
                async move {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    counter.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Infallible>(answer(body.len()))
                }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    });
    Peer { address, requests }
}

/// A proxy whose connections can be frozen.
///
/// A frozen connection stays open and forwards nothing. Later connections work.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    /// Connections with a lower number are frozen.
    frozen: Arc<AtomicUsize>,
}

impl Proxy {
    pub(super) fn to(receiver: &OtlpReceiver) -> Self {
        let target = receiver.endpoint().replace("http://", "");
        let accepted = Arc::new(AtomicUsize::new(0));
        let frozen = Arc::new(AtomicUsize::new(0));
        let (count, limit) = (accepted.clone(), frozen.clone());
        let address = accept(move |client| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let (target, limit) = (target.clone(), limit.clone());
            async move {
                let server = TcpStream::connect(target).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::join!(
                    forward(from_client, to_server, number, &limit),
                    forward(from_server, to_client, number, &limit),
                );
            }
        });
        Self {
            address,
            accepted,
            frozen,
        }
    }

    pub(super) fn freeze(&self) {
        let accepted = self.accepted.load(Ordering::SeqCst);
        self.frozen.store(accepted, Ordering::SeqCst);
    }
}

async fn forward(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    number: usize,
    frozen: &AtomicUsize,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        // A frozen connection is read and its data discarded, so that it is alive for TCP.
        if number >= frozen.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
}

fn accept<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        super::run(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle(stream));
            }
        });
    });
    address
}

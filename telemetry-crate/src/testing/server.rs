//! The server of the receiver: one thread, one port for HTTP/1.1 and HTTP/2.
//!
//! The modules `http` and `grpc` handle the requests.

use std::{convert::Infallible, io, net::TcpListener, sync::Arc, thread, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

use super::{body::Body, grpc, http as otlp_http, received::Store};

/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stopped` resolves.
///
/// Connections end with the runtime, so that dropping a receiver does not wait for clients.
pub(super) fn spawn(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    store: Arc<Store>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<thread::JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    thread::Builder::new()
        .name("firstlight-otlp-receiver".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, tls, store) => {}
                    _ = stopped => {}
                }
            });
        })
}

async fn accept(listener: tokio::net::TcpListener, tls: Option<TlsAcceptor>, store: Arc<Store>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Most likely there are no file descriptors left. An immediate retry would use a whole core.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (tls, store) = (tls.clone(), Arc::clone(&store));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, store).await,
                // The sender reports a failed handshake itself, as it does a broken connection.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, store).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, store: Arc<Store>) {
    let answer = service_fn(|request| {
        let store = Arc::clone(&store);
        async move { Ok::<_, Infallible>(answer(request, &store).await) }
    });
    // The sender reports a broken connection itself.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

async fn answer(request: Request<Incoming>, store: &Store) -> Response<Body> {
    if grpc::is_grpc(request.headers()) {
        grpc::answer(request, store).await
    } else {
        otlp_http::answer(request, store).await
    }
}

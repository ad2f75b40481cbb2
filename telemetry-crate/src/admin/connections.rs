//! Connections of the admin listener: their number and duration are limited.
//!
//! A connection serves one request. Requests of scrapers and probes are seconds apart, so keep-alive would gain nothing.
//! One timeout then covers everything that a slow client can do: send the head or the body slowly, or not read the
//! response. When all slots are taken, the connection that has waited longest without a request is closed.
//!
//! A connection whose response is a stream leaves its slot. From then on it has the limits of `streams`.

mod keep_alive;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    answer::{Answer, AnswerBody},
    write_timeout::WriteTimeout,
};

/// The largest number of connections.
///
/// It is far above the number of scrapers, probes and users of a process.
const MAX_CONNECTIONS: usize = 64;

/// Timeout of a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout of a whole connection, except for streams.
///
/// Scrapers wait 10 s by default; a large exposition over a slow network may take longer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest time in which a client takes no byte of a response.
///
/// A client that is busy for longer is most likely gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The size limit of request line and headers together.
///
/// A browser with cookies sends a tenth of that size.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The largest number of headers of a request.
const MAX_HEADERS: usize = 64;

/// All connections, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Connections(Arc<Mutex<Vec<Connection>>>);

#[derive(Debug)]
struct Connection {
    accepted_at: Instant,
    client: SocketAddr,
    /// Whether a request's head has arrived.
    has_request: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Connections {
    /// Accepts connections until the process ends.
    pub(super) async fn accept<A, F>(&self, listener: TcpListener, answer: A) -> Infallible
    where
        A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
        F: Future<Output = Answer> + Send,
    {
        loop {
            let Ok((stream, client)) = listener.accept().await else {
                // Most likely there are no file descriptors left; an immediate retry would use a whole core.
                sleep(Duration::from_millis(100)).await;
                continue;
            };
            keep_alive::find_vanished(&stream);
            self.serve(stream, client, answer.clone());
            // Lets the new task read a request that has already arrived. Until then, the connection
            // counts as idle, and a later connection could replace it.
            tokio::task::yield_now().await;
        }
    }

    /// Serves one request in a new task.
    fn serve<A, F>(&self, stream: TcpStream, client: SocketAddr, answer: A)
    where
        A: Fn(Request<Incoming>, SocketAddr) -> F + Send + 'static,
        F: Future<Output = Answer> + Send,
    {
        let accepted_at = Instant::now();
        let has_request = Arc::new(AtomicBool::new(false));
        let mut connections = lock(&self.0);
        make_room(&mut connections);

        let (all, received) = (self.0.clone(), has_request.clone());
        // The task cannot end before it is in the list, because the runtime has only this thread.
        let task = tokio::spawn(async move {
            // A connection serves one request, so it opens at most one stream.
            let (opened, mut open) = mpsc::channel(1);
            let service = service_fn(move |request| {
                received.store(true, Ordering::Relaxed);
                let (answer, opened) = (answer(request, client), opened.clone());
                async move {
                    let mut answer = answer.await;
                    if let AnswerBody::Stream(body) = answer.body_mut()
                        && let Some(stream) = body.take_open()
                    {
                        let _ = opened.try_send(stream);
                    }
                    Ok::<_, Infallible>(answer)
                }
            });
            let stream = WriteTimeout::new(stream, WRITE_TIMEOUT);
            let mut connection = pin!(builder().serve_connection(TokioIo::new(stream), service));
            let stream = tokio::select! {
                biased;
                // An error means that the client disconnected or was too slow.
                _ = timeout(TOTAL_TIMEOUT, connection.as_mut()) => None,
                stream = open.recv() => stream,
            };
            lock(&all).retain(|other| (other.accepted_at, other.client) != (accepted_at, client));
            if let Some(stream) = stream {
                stream.serve(connection).await;
            }
        });
        connections.push(Connection {
            accepted_at,
            client,
            has_request,
            task: task.abort_handle(),
        });
    }
}

/// HTTP/1 with the limits of a head.
pub(super) fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
}

/// Closes a connection if the limit is reached.
///
/// Closes the oldest connection without a request. If all have a request, closes the oldest: a response takes
/// milliseconds, so the client of the oldest connection is not reading its response.
fn make_room(connections: &mut Vec<Connection>) {
    if connections.len() < MAX_CONNECTIONS {
        return;
    }
    let idle = connections
        .iter()
        .position(|connection| !connection.has_request.load(Ordering::Relaxed));
    connections.remove(idle.unwrap_or(0)).task.abort();
}

fn lock(connections: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

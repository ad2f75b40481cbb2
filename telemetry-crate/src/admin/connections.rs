//! Who is connected, and for how long: a client that is slow, idle or many takes no place from one that asks.
//!
//! A connection is for one request. Scrapers and probes come seconds apart, so they gain nothing from keeping one, and
//! one time limit then covers everything that a slow client can do: send its head or its body byte by byte, or not read
//! the answer. When all places are taken, the connection that has waited longest without a request makes room.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    task::AbortHandle,
    time::{Instant, timeout},
};

use super::routes::Routes;

/// More than the scrapers, probes and people of any one process.
const MAX_CONNECTIONS: usize = 64;

/// To send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// For everything: a large page over a slow line takes longer than a scraper waits for it, 10 s by default.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Request line and headers together; a browser's with cookies are a tenth of it.
const MAX_HEAD_BYTES: usize = 16 * 1024;

const MAX_HEADERS: usize = 64;

/// All connections, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Connections(Arc<Mutex<Vec<Place>>>);

#[derive(Debug)]
struct Place {
    since: Instant,
    client: SocketAddr,
    /// Whether a request's head has arrived.
    asked: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Connections {
    /// Answers one request in a task of its own.
    pub(super) fn serve(&self, stream: TcpStream, client: SocketAddr, routes: Arc<Routes>) {
        let since = Instant::now();
        let asked = Arc::new(AtomicBool::new(false));
        let mut places = lock(&self.0);
        make_room(&mut places);

        let (all, asking) = (self.0.clone(), asked.clone());
        // It cannot run before its place is there: one thread is all that the runtime has.
        let task = tokio::spawn(async move {
            let service = service_fn(move |request| {
                asking.store(true, Ordering::Relaxed);
                let routes = routes.clone();
                async move { Ok::<_, Infallible>(routes.answer(request, client).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(MAX_HEAD_BYTES)
                .max_headers(MAX_HEADERS)
                .serve_connection(TokioIo::new(stream), service);
            // An error here is the client's: it went away, or was too slow.
            let _ = timeout(TOTAL_TIMEOUT, connection).await;
            lock(&all).retain(|place| (place.since, place.client) != (since, client));
        });
        places.push(Place {
            since,
            client,
            asked,
            task: task.abort_handle(),
        });
    }
}

/// Ends the oldest connection without a request if there is no place left, or else the oldest of all: an answer takes
/// milliseconds, so that one's client does not read.
fn make_room(places: &mut Vec<Place>) {
    if places.len() < MAX_CONNECTIONS {
        return;
    }
    let idle = places
        .iter()
        .position(|place| !place.asked.load(Ordering::Relaxed));
    places.remove(idle.unwrap_or(0)).task.abort();
}

fn lock(places: &Mutex<Vec<Place>>) -> MutexGuard<'_, Vec<Place>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

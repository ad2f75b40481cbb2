//! State of one connection: what its client has to do next, and until when.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, mpsc},
    time::Instant,
};

use super::{Server, metrics::Limit, sending::Sending};

/// Time for a client to finish a refused body, and to leave a closing connection.
const LINGER: Duration = Duration::from_secs(5);

/// Value of a time that is not set; the clock of a server starts at 1.
const UNSET: u64 = 0;

/// State shared by the socket, the requests and the task that watches both.
pub(super) struct Connection {
    pub(super) server: Arc<Server>,
    /// Notified when hyper, or the owner of an upgraded connection, drops the socket.
    pub(super) closed: Notify,
    /// Number of unfinished request bodies, plus requests with an unfinished response.
    busy: AtomicUsize,
    /// Time since which `busy` is 0. All times are milliseconds on the server's clock.
    idle_since: AtomicU64,
    /// Time at which the first byte of the next request arrived.
    head_started_at: AtomicU64,
    /// Deadline for the socket to accept bytes again.
    write_due: AtomicU64,
    lingering_since: AtomicU64,
    is_http2: AtomicBool,
    unread: AtomicBool,
    cut: AtomicBool,
    wakers: Mutex<Wakers>,
    /// HTTP/1.1 responses that hyper holds completely but has not yet written.
    ///
    /// `None` once the socket is closed.
    sending: Mutex<Option<Vec<Sending>>>,
    _permit: OwnedSemaphorePermit,
    /// Dropped with the connection; the server waits until all such senders are gone.
    _alive: mpsc::Sender<()>,
}

/// Wakers of the task that owns the socket.
pub(super) struct Wakers {
    pub(super) read: Waker,
    pub(super) write: Waker,
}

impl Connection {
    pub(super) fn new(
        server: Arc<Server>,
        permit: OwnedSemaphorePermit,
        alive: mpsc::Sender<()>,
    ) -> Arc<Self> {
        server.open.increment(1.0);
        let now = server.now();
        Arc::new(Self {
            server,
            closed: Notify::new(),
            busy: AtomicUsize::new(0),
            idle_since: AtomicU64::new(now),
            // A new connection has to send a request's head. Only after its first request may it be
            // idle.
            head_started_at: AtomicU64::new(now),
            write_due: AtomicU64::new(UNSET),
            lingering_since: AtomicU64::new(UNSET),
            is_http2: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            wakers: Mutex::new(Wakers {
                read: Waker::noop().clone(),
                write: Waker::noop().clone(),
            }),
            sending: Mutex::new(Some(Vec::new())),
            _permit: permit,
            _alive: alive,
        })
    }

    /// Records the start of a request's head, unless a request is being served.
    pub(super) fn received_bytes(&self) {
        if self.head_started_at.load(Ordering::Relaxed) == UNSET
            && self.busy.load(Ordering::Relaxed) == 0
        {
            self.head_started_at
                .store(self.server.now(), Ordering::Relaxed);
        }
    }

    /// Turns off the header timeout, because HTTP/2 pings begin no request.
    pub(super) fn set_http2(&self) {
        self.is_http2.store(true, Ordering::Relaxed);
    }

    /// Records that the socket accepts no bytes, which is allowed for `left`.
    pub(super) fn blocked(&self, left: Duration) {
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let due = self.server.now().saturating_add(left);
        self.write_due.store(due, Ordering::Relaxed);
    }

    pub(super) fn unblocked(&self) {
        self.write_due.store(UNSET, Ordering::Relaxed);
    }

    /// Tracks a response until hyper has written it to the socket.
    pub(super) fn track_sending(&self, response: Sending) {
        // Dropped after the lock is released.
        let _lost = match &mut *self.sending() {
            Some(sending) => {
                sending.push(response);
                None
            }
            None => Some(response),
        };
    }

    /// Records that hyper has written everything to the socket.
    pub(super) fn flushed(&self) {
        let written = self.sending().as_mut().map(std::mem::take);
        written.into_iter().flatten().for_each(Sending::written);
    }

    /// Drops the responses that were not written before the socket closed.
    pub(super) fn drop_sending(&self) {
        let lost = self.sending().take();
        drop(lost);
    }

    fn sending(&self) -> MutexGuard<'_, Option<Vec<Sending>>> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a request's body was dropped before its end.
    pub(super) fn set_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Returns whether the socket still reads after it has sent its last byte.
    ///
    /// The first call that returns `true` records the time from which [`LINGER`] counts.
    pub(super) fn is_lingering(&self) -> bool {
        let unread = self.unread.load(Ordering::Relaxed);
        if unread && self.lingering_since.load(Ordering::Relaxed) == UNSET {
            self.lingering_since
                .store(self.server.now(), Ordering::Relaxed);
        }
        unread
    }

    /// Returns the client's next deadline, and the limit that it then exceeds.
    ///
    /// `closing` is the time at which a graceful close began. At a deadline without a limit, a
    /// graceful close begins, or the connection is closed if it has already begun.
    pub(super) fn due(&self, closing: Option<Instant>) -> (Instant, Option<Limit>) {
        let limits = &self.server.limits;
        if let Some(due) = self.instant(&self.write_due) {
            return (due, Some(Limit::WriteTimeout));
        }
        if let Some(since) = self.instant(&self.lingering_since) {
            return (since + LINGER, None);
        }
        if self.busy.load(Ordering::Relaxed) > 0 {
            // The client has no deadline: this one stays in the future.
            return (Instant::now() + limits.idle_timeout, None);
        }
        if !self.is_http2.load(Ordering::Relaxed)
            && let Some(since) = self.instant(&self.head_started_at)
        {
            return (since + limits.header_timeout, Some(Limit::HeaderTimeout));
        }
        let idle = self.instant(&self.idle_since);
        match (idle, closing) {
            // A client may ignore the GOAWAY frame of HTTP/2, so the close has a deadline too.
            (idle, Some(closing)) => (
                idle.map_or(closing, |idle| idle.max(closing)) + LINGER,
                None,
            ),
            (Some(idle), None) => (idle + limits.idle_timeout, None),
            (None, None) => (Instant::now() + limits.idle_timeout, None),
        }
    }

    /// Returns whether the socket has accepted too little for too long.
    pub(super) fn is_stalled(&self) -> bool {
        let due = self.instant(&self.write_due);
        due.is_some_and(|due| due <= Instant::now())
    }

    fn instant(&self, time: &AtomicU64) -> Option<Instant> {
        match time.load(Ordering::Relaxed) {
            UNSET => None,
            time => Some(self.server.started + Duration::from_millis(time)),
        }
    }

    /// Closes the socket, even if it now belongs to an upgraded connection.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        let wakers = self.wakers();
        wakers.read.wake_by_ref();
        wakers.write.wake_by_ref();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    pub(super) fn wakers(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.open.decrement(1.0);
    }
}

/// Keeps its connection from counting as idle.
pub(super) struct Busy(Arc<Connection>);

impl Busy {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        connection.busy.fetch_add(1, Ordering::Relaxed);
        connection.head_started_at.store(UNSET, Ordering::Relaxed);
        Self(connection)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // Stored before the count drops, so that `due` never reads an older time for an idle
        // connection.
        let now = self.0.server.now();
        self.0.idle_since.store(now, Ordering::Relaxed);
        self.0.busy.fetch_sub(1, Ordering::Release);
    }
}

/// A request from its head to the end of the response's body.
pub(super) struct InFlight(Busy);

impl InFlight {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        connection.server.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Busy::new(connection))
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.0.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.server.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

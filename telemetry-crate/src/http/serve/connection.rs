//! One connection: what its client owes, and until when.

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

/// For what a client still sends of a body that was refused, and for it to leave once it is told to.
const LINGER: Duration = Duration::from_secs(5);

/// No time; the clock of a server starts at 1.
const NEVER: u64 = 0;

/// Shared by the socket, the requests and the task that watches both.
pub(super) struct Connection {
    pub(super) server: Arc<Server>,
    /// The socket was dropped, by hyper or by what a connection was upgraded to.
    pub(super) closed: Notify,
    /// Bodies of requests and of responses that have not ended.
    busy: AtomicUsize,
    /// Since when there is none. All times are milliseconds on the server's clock.
    idle_since: AtomicU64,
    /// When the first byte of the next request came.
    heard_at: AtomicU64,
    /// Until when the socket has to take bytes again.
    write_due: AtomicU64,
    lingers_since: AtomicU64,
    is_http2: AtomicBool,
    unread: AtomicBool,
    cut: AtomicBool,
    wakers: Mutex<Wakers>,
    /// Responses that hyper has whole, over HTTP/1.1, and has not written whole; `None` once the socket is gone.
    sending: Mutex<Option<Vec<Sending>>>,
    _permit: OwnedSemaphorePermit,
    /// Dropped with the last part of the connection, which the server waits for at its end.
    _alive: mpsc::Sender<()>,
}

/// Of the task that has the socket.
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
            // From its first request on a client may be idle, not before.
            heard_at: AtomicU64::new(now),
            write_due: AtomicU64::new(NEVER),
            lingers_since: AtomicU64::new(NEVER),
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

    /// Bytes have come. Those of a body are seen by the body.
    pub(super) fn heard(&self) {
        if self.heard_at.load(Ordering::Relaxed) == NEVER && self.busy.load(Ordering::Relaxed) == 0
        {
            self.heard_at.store(self.server.now(), Ordering::Relaxed);
        }
    }

    /// Pings and window updates are bytes, too, so that only the idle time is left to go by.
    pub(super) fn speaks_http2(&self) {
        self.is_http2.store(true, Ordering::Relaxed);
    }

    /// The socket takes no more bytes, which it may for so long.
    pub(super) fn blocked(&self, left: Duration) {
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let due = self.server.now().saturating_add(left);
        self.write_due.store(due, Ordering::Relaxed);
    }

    pub(super) fn unblocked(&self) {
        self.write_due.store(NEVER, Ordering::Relaxed);
    }

    /// What is in hyper's hands is on its way to the socket.
    pub(super) fn send(&self, response: Sending) {
        // Dropped without the lock, if there is no socket.
        let _lost = match &mut *self.sending() {
            Some(sending) => {
                sending.push(response);
                None
            }
            None => Some(response),
        };
    }

    /// The socket has all that hyper had for it.
    pub(super) fn flushed(&self) {
        let written = self.sending().as_mut().map(std::mem::take);
        written.into_iter().flatten().for_each(Sending::written);
    }

    /// Nothing is written any more.
    pub(super) fn lose_sending(&self) {
        let lost = self.sending().take();
        drop(lost);
    }

    fn sending(&self) -> MutexGuard<'_, Option<Vec<Sending>>> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A body was dropped before its end.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Whether the socket, which has sent its last byte, still reads.
    pub(super) fn lingers(&self) -> bool {
        let unread = self.unread.load(Ordering::Relaxed);
        if unread && self.lingers_since.load(Ordering::Relaxed) == NEVER {
            self.lingers_since
                .store(self.server.now(), Ordering::Relaxed);
        }
        unread
    }

    /// Until when the client has to do something, and the limit that it meets if it does not: with none, the connection
    /// is closed in good order. `closing` is when that began.
    pub(super) fn due(&self, closing: Option<Instant>) -> (Instant, Option<Limit>) {
        let limits = &self.server.limits;
        if let Some(due) = self.instant(&self.write_due) {
            return (due, Some(Limit::WriteTimeout));
        }
        if let Some(since) = self.instant(&self.lingers_since) {
            return (since + LINGER, None);
        }
        if self.busy.load(Ordering::Relaxed) > 0 {
            return (Instant::now() + limits.idle_timeout, None);
        }
        if !self.is_http2.load(Ordering::Relaxed)
            && let Some(since) = self.instant(&self.heard_at)
        {
            return (since + limits.header_timeout, Some(Limit::HeaderTimeout));
        }
        let idle = self.instant(&self.idle_since);
        match (idle, closing) {
            // Over HTTP/2 a client that is told to leave may take no notice.
            (idle, Some(closing)) => (
                idle.map_or(closing, |idle| idle.max(closing)) + LINGER,
                None,
            ),
            (Some(idle), None) => (idle + limits.idle_timeout, None),
            (None, None) => (Instant::now() + limits.idle_timeout, None),
        }
    }

    /// Whether the socket has taken too little for longer than it may.
    pub(super) fn is_stalled(&self) -> bool {
        let due = self.instant(&self.write_due);
        due.is_some_and(|due| due <= Instant::now())
    }

    fn instant(&self, time: &AtomicU64) -> Option<Instant> {
        match time.load(Ordering::Relaxed) {
            NEVER => None,
            time => Some(self.server.started + Duration::from_millis(time)),
        }
    }

    /// Closes the socket, also if it belongs to something else by now.
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

/// Keeps its connection from being idle.
pub(super) struct Busy(Arc<Connection>);

impl Busy {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        connection.busy.fetch_add(1, Ordering::Relaxed);
        connection.heard_at.store(NEVER, Ordering::Relaxed);
        Self(connection)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // Before the count, so that no time before the request is taken for it.
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

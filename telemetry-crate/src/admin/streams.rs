//! Responses that are sent while they are produced, such as followed log lines.
//!
//! The producer hands chunks to a queue and never waits. It may be any thread, also one that must not be slowed down,
//! such as the one that writes log lines. A client that does not keep up is disconnected and counted: nothing in the
//! stream says that chunks are missing, but the end of the connection does.
//!
//! Streams have places of their own, apart from those of `connections`, so they cannot keep out scrapes and probes.

use std::{
    error::Error as _,
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::StatusCode;
use hyper::body::Bytes;
use metrics::Counter;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Sleep, sleep},
};

use super::answer::{Answer, AnswerBody, too_many, with_body};
use crate::catalog;

/// The largest number of streams at a time.
///
/// It is more than the number of operators who follow one process. Each stream may hold [`MAX_QUEUED_BYTES`].
pub(super) const MAX_STREAMS: usize = 8;

/// The largest number of chunks that wait for a client.
///
/// A client of a busy service is behind by that many log lines if it does not read for a moment.
const MAX_QUEUED_CHUNKS: usize = 1024;

/// The largest number of bytes that wait for a client.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;

/// Bytes that wait for a client, above which a paced producer waits.
const MAX_UNREAD: usize = 256 * 1024;

/// Interval between two checks of what the client has taken.
const PACE: Duration = Duration::from_millis(20);

/// The longest duration of a stream.
///
/// A client that was left running would otherwise keep its place for ever. A client that still reads connects again.
const MAX_DURATION: Duration = Duration::from_secs(60 * 60);

/// The places of all streams.
#[derive(Debug)]
pub(super) struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        // With a 0 first, the first increase of each series is visible to `rate`.
        for limit in [Limit::Queue, Limit::WriteTimeout] {
            limit.counter().increment(0);
        }
        Self(Arc::new(Semaphore::new(MAX_STREAMS)))
    }
}

impl Streams {
    /// Opens a stream with status 200; `None` if all places are taken.
    ///
    /// The stream ends when the sender is dropped, or after [`MAX_DURATION`].
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) fn open(&self, content_type: &'static str) -> Option<(StreamSender, Answer)> {
        let place = self.0.clone().try_acquire_owned().ok()?;
        let (sender, receiver) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let state = Arc::new(State::default());
        let sender = StreamSender {
            chunks: sender,
            state: state.clone(),
        };
        let body = StreamBody {
            chunks: receiver,
            state: state.clone(),
            end: Box::pin(sleep(MAX_DURATION)),
            open: Some(OpenStream {
                state,
                _place: place,
            }),
        };
        let answer = with_body(StatusCode::OK, content_type, AnswerBody::Stream(body));
        Some((sender, answer))
    }
}

/// The response if all places are taken.
pub(super) fn all_taken() -> Answer {
    too_many(format!(
        "{MAX_STREAMS} clients already follow this process, which is the limit; end one of them\n"
    ))
}

#[derive(Debug, Default)]
struct State {
    queued_bytes: AtomicUsize,
    is_cut_off: AtomicBool,
    /// Wakes the task of the connection when the stream is cut off.
    cut_off: Notify,
}

/// The error of a producer whose stream has ended.
///
/// The client did not keep up, or has left, or the stream had lasted [`MAX_DURATION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamEnded;

impl fmt::Display for StreamEnded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the stream has ended")
    }
}

impl std::error::Error for StreamEnded {}

/// The producer's end of a stream.
#[derive(Debug)]
pub(super) struct StreamSender {
    chunks: mpsc::Sender<Bytes>,
    state: Arc<State>,
}

impl StreamSender {
    /// Queues a chunk, on any thread and without waiting.
    ///
    /// # Errors
    ///
    /// The stream has ended, and the sender is of no more use. If the queue was full, the client is disconnected.
    pub(super) fn send(&self, chunk: Bytes) -> Result<(), StreamEnded> {
        if self.state.is_cut_off.load(Ordering::Relaxed) {
            return Err(StreamEnded);
        }
        let bytes = chunk.len();
        let before = self.state.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let sent = if before.saturating_add(bytes) > MAX_QUEUED_BYTES {
            Err(mpsc::error::TrySendError::Full(chunk))
        } else {
            self.chunks.try_send(chunk)
        };
        sent.map_err(|error| {
            self.state.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            if matches!(error, mpsc::error::TrySendError::Full(_)) {
                self.state.is_cut_off.store(true, Ordering::Relaxed);
                self.state.cut_off.notify_one();
            }
            StreamEnded
        })
    }

    /// Queues a chunk once the client has taken most of the chunks before it.
    ///
    /// For data that exists already, and can wait. The chunk has at most half of [`MAX_QUEUED_BYTES`].
    ///
    /// # Errors
    ///
    /// The stream has ended.
    pub(super) async fn send_paced(&self, chunk: Bytes) -> Result<(), StreamEnded> {
        while self.queued_bytes() > MAX_UNREAD || self.chunks.capacity() == 0 {
            if self.is_ended() {
                return Err(StreamEnded);
            }
            sleep(PACE).await;
        }
        self.send(chunk)
    }

    /// The bytes that the client has not taken yet.
    pub(super) fn queued_bytes(&self) -> usize {
        self.state.queued_bytes.load(Ordering::Relaxed)
    }

    /// Whether the stream has ended, for a producer that has nothing to send.
    pub(super) fn is_ended(&self) -> bool {
        self.state.is_cut_off.load(Ordering::Relaxed) || self.chunks.is_closed()
    }
}

/// The body of a stream's response.
#[derive(Debug)]
pub(super) struct StreamBody {
    chunks: mpsc::Receiver<Bytes>,
    state: Arc<State>,
    end: Pin<Box<Sleep>>,
    /// The place, until the connection takes it.
    open: Option<OpenStream>,
}

impl StreamBody {
    /// Takes the place, which the connection then holds until it is closed.
    pub(super) fn take_open(&mut self) -> Option<OpenStream> {
        self.open.take()
    }

    pub(super) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.state.is_cut_off.load(Ordering::Relaxed) {
            // The end of the body would tell the client that nothing is missing. The connection is closed instead.
            return Poll::Pending;
        }
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let chunk = ready!(self.chunks.poll_recv(context));
        if let Some(chunk) = &chunk {
            self.state
                .queued_bytes
                .fetch_sub(chunk.len(), Ordering::Relaxed);
        }
        Poll::Ready(chunk)
    }
}

/// A stream whose connection is open.
#[derive(Debug)]
pub(super) struct OpenStream {
    state: Arc<State>,
    _place: OwnedSemaphorePermit,
}

impl OpenStream {
    /// Completes when the connection has ended, or has to be closed.
    ///
    /// Counts a stream that is cut off.
    pub(super) async fn serve(&self, connection: impl Future<Output = hyper::Result<()>>) {
        let limit = tokio::select! {
            biased;
            () = self.state.cut_off.notified() => Some(Limit::Queue),
            served = connection => served.err().and_then(|error| Limit::of(&error)),
        };
        if let Some(limit) = limit {
            limit.counter().increment(1);
        }
    }
}

/// A limit for which streams are cut off, as the metric labels it.
#[derive(Debug, Clone, Copy)]
enum Limit {
    Queue,
    WriteTimeout,
}

impl Limit {
    /// Returns the limit that ended a connection; `None` if its client has left.
    fn of(error: &hyper::Error) -> Option<Self> {
        let error = error.source()?.downcast_ref::<io::Error>()?;
        (error.kind() == io::ErrorKind::TimedOut).then_some(Self::WriteTimeout)
    }

    fn counter(self) -> Counter {
        let limit = match self {
            Self::Queue => "queue",
            Self::WriteTimeout => "write_timeout",
        };
        metrics::counter!(catalog::ADMIN_STREAMS_CUT_OFF.name, "limit" => limit)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::thread;

    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn places_are_limited() {
        let streams = Streams::default();
        let open = || streams.open("text/plain");
        let mut opened: Vec<_> = (0..MAX_STREAMS).map(|_| open().unwrap()).collect();
        assert!(open().is_none());
        assert_eq!(all_taken().status(), 429);
        let (sender, mut answer) = opened.pop().unwrap();
        let place = match answer.body_mut() {
            AnswerBody::Stream(body) => body.take_open(),
            AnswerBody::Full(_) => None,
        };
        assert!(place.is_some());
        drop((sender, answer));
        assert!(open().is_none(), "the connection is still open");
        drop(place);
        assert!(open().is_some());
    }

    #[tokio::test]
    async fn chunks_of_any_thread_arrive_in_order() {
        let streams = Streams::default();
        let (sender, answer) = streams.open("text/plain").unwrap();
        thread::spawn(move || {
            for chunk in ["one\n", "two\n"] {
                sender.send(Bytes::from_static(chunk.as_bytes())).unwrap();
            }
        });
        // The end of the sender is the end of the body.
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "one\ntwo\n");
    }

    #[tokio::test]
    async fn queues_are_limited_in_chunks_and_bytes() {
        let streams = Streams::default();
        for (bytes, expected) in [(1, MAX_QUEUED_CHUNKS), (MAX_QUEUED_BYTES / 4, 4)] {
            let (sender, answer) = streams.open("text/plain").unwrap();
            let chunk = Bytes::from(vec![b'x'; bytes]);
            let sent = (0..2 * MAX_QUEUED_CHUNKS)
                .take_while(|_| sender.send(chunk.clone()).is_ok())
                .count();
            assert_eq!(sent, expected, "chunks of {bytes} bytes");
            assert!(sender.is_ended());
            drop(answer);
        }
        let (sender, mut answer) = streams.open("text/plain").unwrap();
        let chunk = Bytes::from(vec![b'x'; MAX_QUEUED_BYTES]);
        for _ in 0..3 {
            assert_eq!(sender.send(chunk.clone()), Ok(()), "what was taken is free");
            answer.frame().await.unwrap().unwrap();
        }
        assert!(!sender.is_ended());
        drop(answer);
        assert!(sender.is_ended());
        assert_eq!(sender.send(chunk), Err(StreamEnded), "the client has left");
    }

    #[tokio::test(start_paused = true)]
    async fn paced_producers_wait_for_the_client() {
        let streams = Streams::default();
        let (sender, answer) = streams.open("text/plain").unwrap();
        let chunk = Bytes::from(vec![b'x'; MAX_UNREAD / 2]);
        let producer = tokio::spawn(async move {
            for _ in 0..40 {
                sender.send_paced(chunk.clone()).await?;
            }
            Ok::<_, StreamEnded>(())
        });
        sleep(Duration::from_secs(1)).await;
        assert!(!producer.is_finished(), "nothing was taken");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), 20 * MAX_UNREAD);
        assert_eq!(producer.await.unwrap(), Ok(()));

        let (sender, answer) = streams.open("text/plain").unwrap();
        let chunk = Bytes::from(vec![b'x'; MAX_UNREAD + 1]);
        assert_eq!(sender.send_paced(chunk.clone()).await, Ok(()));
        drop(answer);
        assert_eq!(sender.send_paced(chunk).await, Err(StreamEnded));
    }

    #[tokio::test(start_paused = true)]
    async fn streams_end_after_their_duration() {
        let streams = Streams::default();
        let (_sender, answer) = streams.open("text/plain").unwrap();
        let began = tokio::time::Instant::now();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.is_empty());
        assert_eq!(began.elapsed().as_secs(), MAX_DURATION.as_secs());
    }
}

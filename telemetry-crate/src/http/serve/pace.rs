//! The delay of a client against its required rate of bytes.

use std::time::Duration;

/// Time by which a client is behind its required rate.
///
/// Waiting adds to the time. Bytes subtract from it, but never below zero: a fast start earns no
/// time for later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pace {
    behind: Duration,
}

impl Pace {
    /// Returns how long the next bytes may take if the client may be `window` behind.
    pub(super) fn left(self, window: Duration) -> Duration {
        window.saturating_sub(self.behind)
    }

    /// Records `bytes` that the client sent or accepted after a wait of `waited`.
    ///
    /// Without a rate, any bytes make up for the whole delay.
    pub(super) fn moved(&mut self, bytes: usize, waited: Duration, min_rate: Option<u32>) {
        let Some(rate) = min_rate else {
            self.behind = Duration::ZERO;
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "approximate seconds suffice")]
        let worth = Duration::from_secs_f64(bytes as f64 / f64::from(rate));
        self.behind = self.behind.saturating_add(waited).saturating_sub(worth);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{convert::Infallible, time::Duration};

    use axum::{Router, body::Body, routing::get};
    use bytes::Bytes;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::sleep,
    };

    use super::Pace;
    use crate::http::serve;

    const SECOND: Duration = Duration::from_secs(1);
    const WINDOW: Duration = Duration::from_secs(10);

    #[test]
    fn bytes_at_the_rate_cost_nothing() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.moved(500, SECOND, Some(500));
        }
        assert_eq!(pace.left(WINDOW), WINDOW);
    }

    #[test]
    fn bytes_below_the_rate_add_up() {
        let mut pace = Pace::default();
        for _ in 0..5 {
            pace.moved(250, SECOND, Some(500));
        }
        assert_eq!(pace.left(WINDOW), Duration::from_millis(7_500));
        pace.moved(0, WINDOW, Some(500));
        assert_eq!(pace.left(WINDOW), Duration::ZERO);
    }

    #[test]
    fn earlier_bytes_earn_no_time() {
        let mut pace = Pace::default();
        pace.moved(1_000_000, Duration::ZERO, Some(500));
        pace.moved(0, SECOND, Some(500));
        assert_eq!(pace.left(WINDOW), 9 * SECOND);
    }

    #[test]
    fn any_byte_counts_without_a_rate() {
        let mut pace = Pace::default();
        pace.moved(1, 9 * SECOND, None);
        assert_eq!(pace.left(WINDOW), WINDOW);
    }

    /// A client that reads below the required rate is cut, although it never stops.
    ///
    /// A socket accepts thousands of bytes at once, so only a very high required rate makes the
    /// client fall behind within a test.
    #[tokio::test]
    async fn slow_readers_of_a_socket_are_cut() {
        const WRITE_TIMEOUT: Duration = Duration::from_millis(400);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endless = || async {
            let parts = std::iter::repeat(Bytes::from(vec![b'x'; 1024 * 1024]));
            Body::from_stream(tokio_stream::iter(parts.map(Ok::<_, Infallible>)))
        };
        let app = Router::new().route("/", get(endless));
        let mut server = serve(listener, app).write_timeout(WRITE_TIMEOUT);
        server.limits.write_rate = u32::MAX;
        let server = tokio::spawn(server.into_future());
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut buffer = vec![0; 8 * 1024 * 1024];
        let mut reads = 0;
        while client
            .read(&mut buffer)
            .await
            .is_ok_and(|length| length > 0)
        {
            // Each pause alone is much shorter than the timeout.
            sleep(WRITE_TIMEOUT / 8).await;
            reads += 1;
            assert!(reads < 200, "the client is never cut");
        }
        server.abort();
    }
}

//! Finds clients that have vanished without closing their connection.
//!
//! A node that lost its power closes nothing. Without probes, a stream that has nothing to send would keep its place, and one
//! with a few lines would keep it until the kernel gives up, after a quarter of an hour.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Time without traffic after which the client is probed.
const IDLE: Duration = Duration::from_secs(30);

/// Time between two probes.
const INTERVAL: Duration = Duration::from_secs(10);

/// Time after which a client that acknowledges nothing is gone.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

/// Lets the kernel close the connection of a vanished client.
///
/// It does so about a minute after the client has vanished.
///
/// Without effect where the operating system does not support it.
pub(super) fn find_vanished(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(IDLE).with_interval(INTERVAL);
    let _ = socket.set_tcp_keepalive(&probes);
    // Covers data that was sent, during which the kernel sends no probes.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn vanished_clients_are_probed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (stream, _client) = tokio::join!(listener.accept(), client);
        let (stream, _) = stream.unwrap();
        find_vanished(&stream);
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), IDLE);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), INTERVAL);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED));
    }
}

//! Tests of connections and streams with clients on real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

use ::metrics::set_default_local_recorder;
use http::StatusCode;
use hyper::body::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use super::{
    super::{
        answer::text,
        streams::{MAX_STREAMS, StreamSender, Streams, all_taken},
    },
    *,
};
use crate::metrics::{Format, Metrics, MetricsOptions};

const MILLISECOND: Duration = Duration::from_millis(1);

/// A server with streams at `/logs`, and a short response at any other path.
struct Server {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Connection>>>,
    /// The producers of the streams, in the order of their requests.
    senders: UnboundedReceiver<StreamSender>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Connections::default();
        let list = connections.0.clone();
        let streams = Arc::new(Streams::default());
        let (opened, senders) = unbounded_channel();
        let answer = move |request: Request<Incoming>, _| {
            let (streams, opened) = (streams.clone(), opened.clone());
            async move {
                if request.uri().path() != "/logs" {
                    return text(StatusCode::OK, "short\n");
                }
                let Some((sender, answer)) = streams.open("text/plain") else {
                    return all_taken();
                };
                opened.send(sender).unwrap();
                answer
            }
        };
        tokio::spawn(async move { connections.accept(listener, answer).await });
        Self {
            address,
            connections: list,
            senders,
        }
    }

    /// Sends a request, of which the response is not read yet.
    async fn request(&self, path: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        client
    }

    /// Opens a stream and reads the head of its response.
    async fn open(&mut self) -> (TcpStream, StreamSender) {
        let mut client = self.request("/logs").await;
        let head = read_until(&mut client, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        (client, self.senders.recv().await.unwrap())
    }

    async fn ask(&self, path: &str) -> String {
        let mut client = self.request(path).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// Reads until the text ends in `end`.
async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        read.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

/// Waits until the connection of a stream is closed.
async fn ended(sender: &StreamSender) {
    while !sender.is_ended() {
        sleep(MILLISECOND).await;
    }
}

/// Whether a response ends as it should, and not in the middle.
async fn is_complete(client: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    let read = client.read_to_end(&mut rest).await;
    read.is_ok() && rest.ends_with(b"0\r\n\r\n")
}

fn cut_off(metrics: &Metrics, limit: &str) -> String {
    let exposition = metrics.handle().render(Format::Text);
    let name = format!("admin_streams_cut_off_total{{limit=\"{limit}\"}} ");
    let mut lines = exposition.lines();
    let count = lines.find_map(|line| line.strip_prefix(&*name));
    count.unwrap_or("none").to_owned()
}

#[tokio::test]
async fn chunks_are_sent_at_once() {
    let mut server = Server::start().await;
    let (mut client, sender) = server.open().await;
    for line in ["one\n", "two\n"] {
        sender.send(Bytes::from_static(line.as_bytes())).unwrap();
        let chunk = read_until(&mut client, "\n\r\n").await;
        assert_eq!(chunk, format!("4\r\n{line}\r\n"));
    }
    drop(sender);
    assert!(is_complete(&mut client).await);
}

#[tokio::test]
async fn streams_have_places_of_their_own() {
    let mut server = Server::start().await;
    let mut streams = Vec::new();
    for _ in 0..MAX_STREAMS {
        streams.push(server.open().await);
    }
    let refused = server.ask("/logs").await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    assert!(refused.contains("retry-after: "), "{refused}");
    assert!(refused.contains("which is the limit"), "{refused}");

    // Twice the number of idle clients that have a place, so that each place was taken and replaced.
    let mut idle = Vec::new();
    for _ in 0..2 * MAX_CONNECTIONS {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }
    while lock(&server.connections).len() < MAX_CONNECTIONS {
        sleep(MILLISECOND).await;
    }
    for path in ["/metrics", "/livez"] {
        let answer = server.ask(path).await;
        assert!(answer.ends_with("short\n"), "{answer}");
    }
    for (client, sender) in &mut streams {
        sender.send(Bytes::from_static(b"line\n")).unwrap();
        read_until(client, "line\n\r\n").await;
    }

    // Clients that leave free their places.
    for (client, sender) in streams {
        drop(client);
        ended(&sender).await;
    }
    server.open().await;
}

#[tokio::test]
async fn full_queues_are_cut_off() {
    let metrics = Metrics::new(MetricsOptions::default());
    let recorder = metrics.recorder();
    let _recorder = set_default_local_recorder(&recorder);
    let mut server = Server::start().await;
    let (mut client, sender) = server.open().await;
    assert_eq!(cut_off(&metrics, "queue"), "0");
    let chunk = Bytes::from(vec![b'x'; 256 * 1024]);
    // The client does not read. At first its socket takes some.
    while sender.send(chunk.clone()).is_ok() {
        sleep(MILLISECOND).await;
    }
    assert!(!is_complete(&mut client).await);
    assert_eq!(cut_off(&metrics, "queue"), "1");
    assert_eq!(cut_off(&metrics, "write_timeout"), "0");
}

/// The queue of a client that reads nothing is not full, because little is sent.
#[tokio::test(start_paused = true)]
async fn blocked_streams_are_cut_off() {
    let metrics = Metrics::new(MetricsOptions::default());
    let recorder = metrics.recorder();
    let _recorder = set_default_local_recorder(&recorder);
    let mut server = Server::start().await;
    let (mut client, sender) = server.open().await;
    let chunk = Bytes::from(vec![b'x'; 256 * 1024]);
    while !sender.is_ended() {
        if sender.queued_bytes() < 2 * chunk.len() {
            let _ = sender.send(chunk.clone());
        }
        sleep(MILLISECOND).await;
    }
    assert!(!is_complete(&mut client).await);
    assert_eq!(cut_off(&metrics, "write_timeout"), "1");
    assert_eq!(cut_off(&metrics, "queue"), "0");
}

#[tokio::test]
async fn clients_that_leave_are_not_counted() {
    let metrics = Metrics::new(MetricsOptions::default());
    let recorder = metrics.recorder();
    let _recorder = set_default_local_recorder(&recorder);
    let mut server = Server::start().await;
    let (client, sender) = server.open().await;
    drop(client);
    ended(&sender).await;
    assert_eq!(
        (
            cut_off(&metrics, "queue"),
            cut_off(&metrics, "write_timeout")
        ),
        ("0".to_owned(), "0".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn streams_outlive_the_total_timeout() {
    let mut server = Server::start().await;
    let (mut client, sender) = server.open().await;
    sleep(2 * TOTAL_TIMEOUT).await;
    sender.send(Bytes::from_static(b"line\n")).unwrap();
    read_until(&mut client, "line\n\r\n").await;
    assert!(lock(&server.connections).is_empty(), "it has left the list");
    drop(sender);
    assert!(is_complete(&mut client).await);
}

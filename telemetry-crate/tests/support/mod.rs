//! Shared test support: child processes, and an HTTP client on plain TCP.
//!
//! The client can also send invalid requests.

#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod child;
pub(crate) mod explanation;
pub(crate) mod scenario;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

/// Deadline of each read of a response.
///
/// Shorter than the time for which a slow client may keep its connection. A request that has to wait for a slow client
/// therefore fails.
const DEADLINE: Duration = Duration::from_secs(8);

/// The pause before a request is sent again that was one too many.
const PAUSE: Duration = Duration::from_millis(400);

/// The status, the head and the body of a response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a head and a body, and reads the whole response.
///
/// The head may be invalid. Only `content-length` and `connection: close` are added to it.
pub(crate) fn send(address: SocketAddr, head: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    // The request is sent in one write, because a server that rejects it before the body has arrived may reset the
    // connection.
    let request = format!("{head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Sends a valid request without a body, for example `GET /metrics`.
///
/// Sends it again if it was above the rate at which the listener answers reads of user data. How many reads a test
/// makes in a second depends on the machine.
pub(crate) fn ask(address: SocketAddr, request: &str) -> Answer {
    ask_with(address, request, "")
}

/// Sends a request as [`ask`] does, with further headers, each after a line end.
pub(crate) fn ask_with(address: SocketAddr, request: &str, headers: &str) -> Answer {
    let head = format!("{request} HTTP/1.1\r\nhost: localhost:9464{headers}");
    loop {
        let answer = send(address, &head, "");
        // A listener without a place for a further stream answers 429 as well.
        if answer.status != 429 || !answer.body.contains("requests per second") {
            return answer;
        }
        thread::sleep(PAUSE);
    }
}

/// Sends a valid `PUT` request.
pub(crate) fn put(address: SocketAddr, path: &str, body: &str) -> Answer {
    send(
        address,
        &format!("PUT {path} HTTP/1.1\r\nhost: localhost:9464"),
        body,
    )
}

//! Shared test support: child processes, and an HTTP client on plain TCP.
//!
//! The client can also send invalid requests.

#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod child;
pub(crate) mod scenario;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Deadline of a response from this machine.
///
/// Shorter than the time for which a slow client may keep its connection, so that a request that had to wait for one
/// fails.
const DEADLINE: Duration = Duration::from_secs(8);

/// Status, head and body of a response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a head and a body unchanged, and reads the whole response.
pub(crate) fn send(address: SocketAddr, head: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    // In one write: a server that answers before the body has arrived, to reject the request, may reset the connection.
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

/// Sends a valid request without a body.
pub(crate) fn ask(address: SocketAddr, request: &str) -> Answer {
    send(
        address,
        &format!("{request} HTTP/1.1\r\nhost: localhost:9464"),
        "",
    )
}

/// Sends a valid `PUT` request.
pub(crate) fn put(address: SocketAddr, path: &str, body: &str) -> Answer {
    send(
        address,
        &format!("PUT {path} HTTP/1.1\r\nhost: localhost:9464"),
        body,
    )
}

//! What the tests share: the process under test (`part`), the end of a process (`child`), and a client that speaks plain TCP,
//! so that it can also misbehave.

#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod child;
pub(crate) mod part;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Generous for an answer from this machine, and less than the time for which a slow client may keep its place: a request
/// that had to wait for one has been locked out.
const DEADLINE: Duration = Duration::from_secs(8);

/// Status, head and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a request as it is, with `body` if there is one, and reads the answer to its end.
pub(crate) fn send(address: SocketAddr, head: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    // In one piece: who answers before the body has come, as to a request that is refused, may reset the connection.
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

/// A well-behaved request from this machine.
pub(crate) fn ask(address: SocketAddr, request: &str) -> Answer {
    send(
        address,
        &format!("{request} HTTP/1.1\r\nhost: localhost:9464"),
        "",
    )
}

/// The same with a body.
pub(crate) fn put(address: SocketAddr, path: &str, body: &str) -> Answer {
    send(
        address,
        &format!("PUT {path} HTTP/1.1\r\nhost: localhost:9464"),
        body,
    )
}

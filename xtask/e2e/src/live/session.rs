//! Idle connections to PostgreSQL, like those that a client leaks.
//!
//! It implements the few messages that are needed: [PostgreSQL, message
//! formats](https://www.postgresql.org/docs/15/protocol-message-formats.html). The server under test trusts every client.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, ensure};

/// An open session, which ends on drop.
pub(super) struct Session(TcpStream);

/// Version 3.0 of the protocol: 3 in the upper 16 bits, and 0 in the lower ones.
const PROTOCOL: i32 = 196_608;

impl Session {
    /// Opens an idle session.
    pub(super) fn open(port: u16, database: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("PostgreSQL")?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut session = Self(stream);
        let parameters = format!("user\0postgres\0database\0{database}\0\0");
        let mut message = PROTOCOL.to_be_bytes().to_vec();
        message.extend(parameters.as_bytes());
        session.send(&message)?;
        session.ready()?;
        Ok(session)
    }

    /// Begins a transaction and leaves it open.
    pub(super) fn begin(&mut self) -> anyhow::Result<()> {
        self.0.write_all(b"Q")?;
        self.send(b"BEGIN; SELECT 1\0")?;
        self.ready()
    }

    fn send(&mut self, message: &[u8]) -> anyhow::Result<()> {
        let length = i32::try_from(message.len() + 4)?;
        self.0.write_all(&length.to_be_bytes())?;
        self.0.write_all(message)?;
        Ok(())
    }

    /// Reads until the server is ready for a query.
    fn ready(&mut self) -> anyhow::Result<()> {
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head)?;
            let [kind, length @ ..] = head;
            let length = usize::try_from(i32::from_be_bytes(length))?.saturating_sub(4);
            let mut rest = vec![0; length];
            self.0.read_exact(&mut rest)?;
            ensure!(
                kind != b'E',
                "PostgreSQL returned an error: {}",
                String::from_utf8_lossy(&rest)
            );
            if kind == b'Z' {
                return Ok(());
            }
        }
    }
}

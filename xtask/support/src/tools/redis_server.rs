//! redis-server: from `PATH`, or unpacked from Debian's package.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::Command,
};

use anyhow::Context as _;

use super::debian;
use crate::{
    paths,
    process::{Process, START_TIMEOUT},
    tools,
};

/// A running server without persistence, which is killed on drop.
#[derive(Debug)]
pub struct RedisServer {
    _process: Process,
    port: u16,
}

impl RedisServer {
    /// Finds or unpacks the program, and starts it on a free port.
    pub fn start() -> anyhow::Result<Self> {
        let (program, libraries) = redis_server()?;
        // The server needs a port. If another process takes it first, the server ends with an error that says so.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no"]);
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries)?);
        }
        let process = Process::start("redis-server", &mut command)?;
        process.wait_for_line("\"Ready to accept connections\"", START_TIMEOUT, |line| {
            line.contains("Ready to accept connections").then_some(())
        })?;
        Ok(Self {
            _process: process,
            port,
        })
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the database 0.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }
}

/// The program, and the folders of its libraries if it is not installed.
fn redis_server() -> anyhow::Result<(PathBuf, Option<Vec<PathBuf>>)> {
    if let Some(installed) = tools::on_path("redis-server") {
        return Ok((installed, None));
    }
    let folder = paths::tools().join("redis");
    if !folder.exists() {
        debian::unpack_with_dependencies("Redis", &["redis-server"], &folder).context(
            "install Redis so that `redis-server` is on PATH (Debian, Ubuntu: apt-get install redis-server; elsewhere: redis.io)",
        )?;
    }
    let libraries = debian::library_folders(&folder)?;
    Ok((folder.join("usr/bin/redis-server"), Some(libraries)))
}

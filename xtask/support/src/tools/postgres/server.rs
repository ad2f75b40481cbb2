//! A temporary PostgreSQL server, on a free port and with its own folder.

use std::{
    cell::RefCell,
    fs, io,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::Postgres;
use crate::{command, process::Process};

/// The id of the unprivileged user as which the server runs under root.
///
/// PostgreSQL refuses to run as root. The user exists on nearly every system with this id and owns nothing.
const UNPRIVILEGED: u32 = 65_534;

/// How long the server may take to start, on a machine that is also building.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the server may take to end on drop or after SIGKILL.
///
/// It is short, because on drop no client is connected any more.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server may take to shut down while clients are connected.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server, which is stopped on drop.
///
/// Its files are removed on drop as well.
#[derive(Debug)]
pub struct PostgresServer {
    /// The server's process, which [`start_again`](Self::start_again) replaces.
    process: RefCell<Process>,
    folder: Folder,
    port: u16,
    postgres: Postgres,
    settings: Vec<String>,
}

impl PostgresServer {
    /// Creates a cluster and starts it with the default settings.
    pub fn start(postgres: &Postgres) -> anyhow::Result<Self> {
        Self::start_with::<&str>(postgres, &[])
    }

    /// Creates a cluster and starts it with settings such as `max_connections=50`.
    pub fn start_with<T: AsRef<str>>(postgres: &Postgres, settings: &[T]) -> anyhow::Result<Self> {
        let settings = settings.iter().map(|setting| setting.as_ref().to_owned());
        let settings = settings.collect();
        let port = free_port()?;
        let folder = Folder::new(port)?;
        let mut initdb = postgres.program("initdb");
        initdb
            .arg("--pgdata")
            .arg(folder.data())
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync"])
            .current_dir(&folder.0);
        command::run("make a PostgreSQL cluster", unprivileged(&mut initdb)).context(
            "if xtask runs as root, initdb runs as an unprivileged user, which must be able to read PostgreSQL's programs",
        )?;
        Self::launched(postgres, folder, port, settings)
    }

    /// Creates and starts a standby with the application name `replica`.
    pub fn replica(&self) -> anyhow::Result<Self> {
        let port = free_port()?;
        let folder = Folder::new(port)?;
        let mut copy = self.postgres.program("pg_basebackup");
        copy.arg("--pgdata")
            .arg(folder.data())
            .arg(format!("--dbname={}?application_name=replica", self.url()))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .current_dir(&folder.0);
        command::run("copy a PostgreSQL cluster", unprivileged(&mut copy))?;
        Self::launched(&self.postgres, folder, port, self.settings.clone())
    }

    fn launched(
        postgres: &Postgres,
        folder: Folder,
        port: u16,
        settings: Vec<String>,
    ) -> anyhow::Result<Self> {
        let process = launch(postgres, &folder, port, &settings)?;
        Ok(Self {
            process: RefCell::new(process),
            folder,
            port,
            postgres: postgres.clone(),
            settings,
        })
    }

    /// The URL of the database `postgres`, with the superuser.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of `database`, with the superuser.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs `sql` and returns the output of `psql`.
    ///
    /// Each row is one line, with `|` between columns.
    ///
    /// # Errors
    ///
    /// If a statement fails or `psql` is missing, which is in a separate package on Debian.
    pub fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let mut psql = self.client(database);
        psql.args(["--command", sql]);
        command::run_quietly(&mut psql).with_context(|| format!("psql: {sql}"))
    }

    /// Makes the server's user the owner of a folder, such as that of a tablespace.
    pub fn chown(&self, folder: &Path) -> io::Result<()> {
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
        }
        Ok(())
    }

    /// The process id of the postmaster, the parent of all session processes.
    pub fn process_id(&self) -> u32 {
        self.process.borrow().id()
    }

    /// The server's log since its last start.
    pub fn log(&self) -> Vec<String> {
        self.process.borrow().lines()
    }

    /// Opens a `psql` session that stays open until its standard input is closed.
    pub fn session(&self, database: &str) -> anyhow::Result<Process> {
        Process::start("psql", &mut self.client(database))
    }

    fn client(&self, database: &str) -> Command {
        let mut psql = self.postgres.program("psql");
        psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet"])
            .args(["--set", "ON_ERROR_STOP=1", "--dbname"])
            .arg(self.url_of(database));
        psql
    }

    /// Kills the postmaster with SIGKILL, as the kernel does when memory runs out.
    ///
    /// Clients lose their connections.
    pub fn kill(&self) -> anyhow::Result<()> {
        let mut process = self.process.borrow_mut();
        process.kill()?;
        process.wait(STOP_TIMEOUT)?;
        Ok(())
    }

    /// Shuts the server down with SIGINT, as before a failover.
    ///
    /// Sessions end with the error that the administrator has terminated them.
    ///
    /// # Errors
    ///
    /// If the server has not ended after 60 s.
    pub fn shut_down(&self) -> anyhow::Result<()> {
        let mut process = self.process.borrow_mut();
        process.interrupt()?;
        process.wait(SHUTDOWN_TIMEOUT)?;
        Ok(())
    }

    /// Starts the server again with the same data, settings and port.
    ///
    /// Retries for 60 s, because after a kill the old server's processes may block the start for a moment.
    ///
    /// # Errors
    ///
    /// If the server does not start in that time.
    pub fn start_again(&self) -> anyhow::Result<()> {
        let until = Instant::now() + START_TIMEOUT;
        loop {
            match launch(&self.postgres, &self.folder, self.port, &self.settings) {
                Ok(process) => {
                    self.process.replace(process);
                    return Ok(());
                }
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(200)),
            }
        }
    }
}

/// Starts the server and waits until it accepts connections.
fn launch(
    postgres: &Postgres,
    folder: &Folder,
    port: u16,
    settings: &[String],
) -> anyhow::Result<Process> {
    let mut server = postgres.program("postgres");
    server
        .arg("-D")
        .arg(folder.data())
        .arg("-k")
        .arg(&folder.0)
        .args(["-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1"])
        // Data need not survive a power loss. After a kill, the kernel still writes what the process has handed to it.
        .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
        // The unpacked package lacks the compiler, and the tests' statements are too short to gain from it.
        .args(["-c", "jit=off"])
        .args(["-c", "deadlock_timeout=100ms"])
        .args(settings.iter().flat_map(|setting| ["-c", &**setting]))
        .current_dir(&folder.0);
    let process = Process::start("postgres", unprivileged(&mut server))?;
    process.wait_for_line("\"ready to accept connections\"", START_TIMEOUT, |line| {
        // A standby prints "ready to accept read-only connections".
        line.contains("ready to accept ").then_some(())
    })?;
    Ok(process)
}

impl Drop for PostgresServer {
    /// Stops the server with SIGTERM, so that it releases its shared memory.
    fn drop(&mut self) {
        // If it does not stop in time, dropping the process kills it.
        let _ = self.process.get_mut().stop(STOP_TIMEOUT);
    }
}

fn unprivileged(command: &mut Command) -> &mut Command {
    if rustix::process::geteuid().is_root() {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// A port that is free at the moment.
///
/// If another process takes it before the server does, the start fails with an error that says so.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// A temporary folder, which is removed on drop.
///
/// It is outside the checkout, because the server's user may have no access to the checkout.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn new(port: u16) -> anyhow::Result<Self> {
        let name = format!("firstlight-postgresql-{}-{port}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0)?;
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700))?;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&folder.0, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

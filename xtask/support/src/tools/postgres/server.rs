//! A PostgreSQL server of one's own: in a temporary folder, on a free port, gone with the value.

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

/// PostgreSQL refuses to be root. This user is on every system, owns nothing, and has this number nearly everywhere.
const UNPRIVILEGED: u32 = 65_534;

/// Generous: the machine may have much else to do.
const START: Duration = Duration::from_secs(60);

/// No client is connected any more by then.
const STOP: Duration = Duration::from_secs(5);

/// A running server. Dropping it ends it and removes what it has written.
#[derive(Debug)]
pub struct PostgresServer {
    /// Another one after each [`start_again`](Self::start_again).
    process: RefCell<Process>,
    folder: Folder,
    port: u16,
    postgres: Postgres,
    settings: Vec<String>,
}

impl PostgresServer {
    /// Makes a cluster and starts it.
    pub fn start(postgres: &Postgres) -> anyhow::Result<Self> {
        Self::start_with::<&str>(postgres, &[])
    }

    /// The same with settings of the server, such as `max_connections=50`.
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
            "as root, it runs as an unprivileged user, who must be able to read its programs",
        )?;
        Self::of(postgres, folder, port, settings)
    }

    /// Makes a standby of this one, which is called `replica`, and starts it.
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
        Self::of(&self.postgres, folder, port, self.settings.clone())
    }

    fn of(
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

    /// Where it is, for the superuser.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The same for another database than the first.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Where it listens, on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What `psql` prints: a line for each row, `|` between its columns.
    ///
    /// # Errors
    ///
    /// Where a statement fails; or there is no `psql`, which Debian has in a package of its own.
    pub fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let mut psql = self.client(database);
        psql.args(["--command", sql]);
        command::run_quietly(&mut psql).with_context(|| format!("psql: {sql}"))
    }

    /// Makes the server's user the owner of a folder, such as a tablespace's.
    pub fn own(&self, folder: &Path) -> io::Result<()> {
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
        }
        Ok(())
    }

    /// The postmaster's, of which its sessions' processes are children.
    pub fn process_id(&self) -> u32 {
        self.process.borrow().id()
    }

    /// Every line of its log so far, since its last start.
    pub fn log(&self) -> Vec<String> {
        self.process.borrow().lines()
    }

    /// A session that stays open, with what is typed into it, until its standard input is closed.
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

    /// Kills the postmaster, as the kernel does to a machine's largest process. Clients are cut off.
    pub fn kill(&self) -> anyhow::Result<()> {
        let mut process = self.process.borrow_mut();
        process.kill()?;
        process.wait(STOP)?;
        Ok(())
    }

    /// SIGINT: sessions are told that the administrator ends them, as before a failover.
    ///
    /// # Errors
    ///
    /// When it has not ended in time.
    pub fn shut_down(&self) -> anyhow::Result<()> {
        let mut process = self.process.borrow_mut();
        process.interrupt()?;
        process.wait(START)?;
        Ok(())
    }

    /// Starts it once more, with all that it had, on the same port.
    ///
    /// # Errors
    ///
    /// When it does not come up. After a kill, what is left of the old one may be in the way for a moment.
    pub fn start_again(&self) -> anyhow::Result<()> {
        let until = Instant::now() + START;
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

/// Waits until the server takes connections.
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
        // It need not survive a power cut; a killed process has left everything to the kernel, which writes it.
        .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
        // An unpacked package has no compiler for it, and no test is long enough to gain from one.
        .args(["-c", "jit=off"])
        .args(["-c", "deadlock_timeout=100ms"])
        .args(settings.iter().flat_map(|setting| ["-c", &**setting]))
        .current_dir(&folder.0);
    let process = Process::start("postgres", unprivileged(&mut server))?;
    process.wait_for_line("that it is ready", START, |line| {
        // Connections; of a standby, read-only ones.
        line.contains("ready to accept ").then_some(())
    })?;
    Ok(process)
}

impl Drop for PostgresServer {
    /// In its own order, so that it gives its shared memory back.
    fn drop(&mut self) {
        // Otherwise it is killed.
        let _ = self.process.get_mut().stop(STOP);
    }
}

fn unprivileged(command: &mut Command) -> &mut Command {
    if rustix::process::geteuid().is_root() {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// Free now; a process that takes it in the next moment makes the start fail, and the error says so.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Outside of the checkout, which may be in a folder that only its owner may enter.
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

//! PostgreSQL's programs: those of the machine, or unpacked from Debian's package. And a server of one's own.

mod server;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

pub use self::server::PostgresServer;
use super::debian;
use crate::{paths, tools};

/// Debian 12's. Any newer one that is installed will do.
const PACKAGES: [&str; 3] = ["postgresql-15", "postgresql-client-15", "libpq5"];

/// Where `initdb`, `postgres` and `psql` are.
#[derive(Debug, Clone)]
pub struct Postgres {
    bin: PathBuf,
    /// What they need to be found beside them; absent if they are installed.
    libraries: Option<PathBuf>,
}

impl Postgres {
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// The programs, or what to do to have them.
pub fn postgres() -> anyhow::Result<Postgres> {
    let installed = |bin: PathBuf| Postgres {
        bin,
        libraries: None,
    };
    if let (Some(initdb), Some(_)) = (tools::on_path("initdb"), tools::on_path("postgres")) {
        // Often a link, and the others are where it leads.
        let initdb = initdb.canonicalize()?;
        return Ok(installed(
            initdb.parent().unwrap_or(Path::new("/")).to_owned(),
        ));
    }
    // Debian keeps them off PATH, because there may be several versions.
    if let Some(bin) = newest(Path::new("/usr/lib/postgresql")) {
        return Ok(installed(bin));
    }
    let folder = paths::tools().join("postgresql");
    let versions = folder.join("usr/lib/postgresql");
    if newest(&versions).is_none() {
        debian::unpack("PostgreSQL", &PACKAGES, &folder).context("install PostgreSQL so that `initdb` and `postgres` are on PATH or below /usr/lib/postgresql (Debian, Ubuntu: apt-get install postgresql; elsewhere: postgresql.org/download)")?;
    }
    let bin = newest(&versions).context("the package has no PostgreSQL in it")?;
    Ok(Postgres {
        bin,
        libraries: library_folder(&folder),
    })
}

/// The programs of the highest version below this folder.
fn newest(versions: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(versions).ok()?;
    let found = versions.filter_map(|entry| {
        let path = entry.ok()?.path();
        let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
        let bin = path.join("bin");
        bin.join("postgres").exists().then_some((version, bin))
    });
    found.max().map(|(_, bin)| bin)
}

/// `usr/lib/x86_64-linux-gnu` or the like, whatever the machine is.
fn library_folder(folder: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(folder.join("usr/lib")).ok()?;
    folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|folder| folder.join("libpq.so.5").exists())
}

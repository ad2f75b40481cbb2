//! PostgreSQL's programs, and a temporary server.
//!
//! The programs of the machine are used, or those unpacked from Debian's packages.

mod server;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

pub use self::server::PostgresServer;
use super::debian;
use crate::{paths, tools};

/// The packages of Debian 12. Any newer installed version works as well.
const PACKAGES: [&str; 3] = ["postgresql-15", "postgresql-client-15", "libpq5"];

/// The location of `initdb`, `postgres` and `psql`.
#[derive(Debug, Clone)]
pub struct Postgres {
    bin: PathBuf,
    /// The folder of shared libraries; `None` if the programs are installed.
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

/// Finds or unpacks the programs.
pub fn postgres() -> anyhow::Result<Postgres> {
    let installed = |bin: PathBuf| Postgres {
        bin,
        libraries: None,
    };
    if let (Some(initdb), Some(_)) = (tools::on_path("initdb"), tools::on_path("postgres")) {
        // `initdb` is often a link, and the other programs are beside its target.
        let initdb = initdb.canonicalize()?;
        return Ok(installed(
            initdb.parent().unwrap_or(Path::new("/")).to_owned(),
        ));
    }
    // Debian does not put the programs on PATH, because several versions may be installed.
    if let Some(bin) = newest(Path::new("/usr/lib/postgresql")) {
        return Ok(installed(bin));
    }
    let folder = paths::tools().join("postgresql");
    let versions = folder.join("usr/lib/postgresql");
    if newest(&versions).is_none() {
        debian::unpack("PostgreSQL", &PACKAGES, &folder).context("install PostgreSQL so that `initdb` and `postgres` are on PATH or below /usr/lib/postgresql (Debian, Ubuntu: apt-get install postgresql; elsewhere: postgresql.org/download)")?;
    }
    let bin = newest(&versions).context("the unpacked package contains no PostgreSQL")?;
    Ok(Postgres {
        bin,
        libraries: library_folder(&folder),
    })
}

/// The folder of the programs of the highest version below `versions`.
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

/// The folder of libpq, such as `usr/lib/x86_64-linux-gnu`.
///
/// Its name depends on the architecture, so it is searched for.
fn library_folder(folder: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(folder.join("usr/lib")).ok()?;
    folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|folder| folder.join("libpq.so.5").exists())
}

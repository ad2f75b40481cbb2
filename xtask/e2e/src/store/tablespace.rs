//! A tablespace on a small disk, and the database in it.

use anyhow::Context as _;
use support::tools::PostgresServer;

use super::small_disk::SmallDisk;

/// Both are called `name`. Dropping it removes them, also where a case fails, so that the next case finds a server as it was.
pub(super) struct Tablespace<'a> {
    server: &'a PostgresServer,
    name: &'static str,
}

impl<'a> Tablespace<'a> {
    /// On the disk's folder for data; the database is for the caller to make.
    pub(super) fn create(
        server: &'a PostgresServer,
        disk: &SmallDisk,
        name: &'static str,
    ) -> anyhow::Result<Self> {
        let folder = disk.data();
        server.own(&folder)?;
        let create = format!("CREATE TABLESPACE {name} LOCATION '{}'", folder.display());
        server.psql("postgres", &create)?;
        Ok(Self { server, name })
    }

    /// Removes both now.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        self.remove_both()
            .with_context(|| format!("removing the tablespace {}", self.name))
    }

    /// Those that are there: what is gone is no error.
    fn remove_both(&self) -> anyhow::Result<()> {
        let name = self.name;
        for remove in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("DROP TABLESPACE IF EXISTS {name}"),
        ] {
            self.server.psql("postgres", &remove)?;
        }
        Ok(())
    }
}

impl Drop for Tablespace<'_> {
    fn drop(&mut self) {
        let _ = self.remove_both();
    }
}

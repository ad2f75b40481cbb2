//! A tablespace on a small disk.

use anyhow::Context as _;
use support::tools::PostgresServer;

use super::small_disk::SmallDisk;

/// A tablespace and the database in it, both called `name`.
///
/// Both are removed on drop, so that a failed case does not affect the next one.
pub(super) struct Tablespace<'a> {
    server: &'a PostgresServer,
    name: &'static str,
}

impl<'a> Tablespace<'a> {
    /// Creates the tablespace in the disk's data folder.
    ///
    /// The caller creates the database.
    pub(super) fn create(
        server: &'a PostgresServer,
        disk: &SmallDisk,
        name: &'static str,
    ) -> anyhow::Result<Self> {
        let folder = disk.data();
        server.chown(&folder)?;
        let create = format!("CREATE TABLESPACE {name} LOCATION '{}'", folder.display());
        server.psql("postgres", &create)?;
        Ok(Self { server, name })
    }

    /// Removes the database and the tablespace; returns errors, unlike a drop.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        self.remove_both()
            .with_context(|| format!("removing the tablespace {}", self.name))
    }

    /// Removes the database and the tablespace if they exist.
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

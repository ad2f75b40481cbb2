//! pgBadger, a Perl script: from `PATH`, or unpacked from Debian's package.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::debian;
use crate::{paths, tools};

/// Finds or unpacks the program.
pub fn pgbadger() -> anyhow::Result<PathBuf> {
    if let Some(installed) = tools::on_path(NAME) {
        return Ok(installed);
    }
    if tools::on_path("perl").is_none() {
        bail!("pgBadger needs Perl, and there is no `perl` on PATH");
    }
    let folder = paths::tools().join(NAME);
    let program = folder.join("usr/bin").join(NAME);
    if !program.exists() {
        debian::unpack("pgBadger", &[NAME], &folder).context("install pgBadger so that `pgbadger` is on PATH (Debian, Ubuntu: apt-get install pgbadger; elsewhere: pgbadger.darold.net)")?;
    }
    Ok(program)
}

/// Debian's name of both the package and the program.
const NAME: &str = "pgbadger";

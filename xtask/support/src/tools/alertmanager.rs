//! Alertmanager and amtool: from `PATH`, or unpacked from Debian's package.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::debian;
use crate::{paths, tools};

/// Alertmanager's programs.
#[derive(Debug)]
pub struct Alertmanager {
    server: PathBuf,
    /// The command-line tool.
    pub amtool: PathBuf,
    /// The folder to start an unpacked server in.
    ///
    /// The server finds its templates relative to this folder. `None` if the server is installed.
    folder: Option<PathBuf>,
}

impl Alertmanager {
    /// The command of the server; the caller adds arguments, with absolute paths.
    pub fn server(&self) -> Command {
        let mut command = Command::new(&self.server);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }
}

/// Finds or unpacks both programs.
pub fn alertmanager() -> anyhow::Result<Alertmanager> {
    // Debian names the server `prometheus-alertmanager`.
    let server = tools::on_path("alertmanager").or_else(|| tools::on_path(DEBIAN));
    if let (Some(server), Some(amtool)) = (server, tools::on_path("amtool")) {
        return Ok(Alertmanager {
            server,
            amtool,
            folder: None,
        });
    }
    let folder = paths::tools().join("alertmanager");
    let server = folder.join("usr/bin").join(RELOCATED);
    if !server.exists() {
        debian::unpack("Alertmanager", &[DEBIAN], &folder)
            .and_then(|()| relocate(&folder.join("usr/bin").join(DEBIAN), &server))
            .context("install Alertmanager so that `alertmanager` and `amtool` are on PATH (Debian, Ubuntu: apt-get install prometheus-alertmanager; elsewhere: prometheus.io/download)")?;
    }
    Ok(Alertmanager {
        server,
        amtool: folder.join("usr/bin/amtool"),
        folder: Some(folder),
    })
}

/// Copies Debian's server with another path of its default templates.
///
/// The path is compiled in, and no option changes it. The copy has a relative path of the same length, resolved in the
/// folder that the server is started in.
fn relocate(installed: &Path, relocated: &Path) -> anyhow::Result<()> {
    let mut program = fs::read(installed).with_context(|| installed.display().to_string())?;
    let mut rest = 0;
    while let Some(at) = find(&program[rest..], TEMPLATES) {
        program[rest + at..][..TEMPLATES.len()].copy_from_slice(RELATIVE_TEMPLATES);
        rest += at + TEMPLATES.len();
    }
    fs::write(relocated, program).with_context(|| relocated.display().to_string())?;
    fs::set_permissions(relocated, fs::metadata(installed)?.permissions())?;
    Ok(())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Debian's name of the package and of the server.
const DEBIAN: &str = "prometheus-alertmanager";
/// The name of the server's copy that [`relocate`] writes.
const RELOCATED: &str = "alertmanager-relocated";
/// The compiled-in path of the default templates.
const TEMPLATES: &[u8] = b"/usr/share/prometheus/alertmanager";
const RELATIVE_TEMPLATES: &[u8; TEMPLATES.len()] = b"usr//share/prometheus/alertmanager";

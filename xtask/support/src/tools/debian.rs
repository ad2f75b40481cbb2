//! Programs from Debian packages, unpacked instead of installed.
//!
//! No service is started and no user is created. Root is needed only if the package lists were never fetched.

use std::{path::Path, process::Command};

use anyhow::bail;

use crate::{command, tools};

/// Unpacks `packages` into `folder`, as if it were the root of a file system.
///
/// `what` names the software in messages.
///
/// # Errors
///
/// If the system lacks `apt-get` or `dpkg-deb`, or a package cannot be downloaded.
pub(super) fn unpack(what: &str, packages: &[&str], folder: &Path) -> anyhow::Result<()> {
    if tools::on_path("apt-get").is_none() || tools::on_path("dpkg-deb").is_none() {
        bail!(
            "{what} is not installed, and this system lacks apt-get or dpkg-deb to unpack it from a Debian package"
        );
    }
    std::fs::create_dir_all(folder)?;
    if rustix::process::geteuid().is_root() {
        command::run(
            "fetch the package lists",
            Command::new("apt-get").args(["update", "-q"]),
        )?;
    }
    command::run(
        &format!("fetch {what}"),
        Command::new("apt-get")
            .args(["download", "-q"])
            .args(packages)
            .current_dir(folder),
    )?;
    let files = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "deb"));
    for file in files {
        command::run(
            &format!("unpack {what}"),
            Command::new("dpkg-deb")
                .arg("--extract")
                .arg(&file)
                .arg(folder),
        )?;
    }
    Ok(())
}

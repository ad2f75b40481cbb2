//! Programs from Debian's packages, unpacked and not installed: no service is started, no user is made, and root is only needed
//! where the package lists have never been fetched.

use std::{path::Path, process::Command};

use anyhow::bail;

use crate::{command, tools};

/// Unpacks `packages` into `folder`, as if it were the root of a file system.
///
/// # Errors
///
/// Where this is no Debian-like system, or the packages are not to be had. `what` is whose programs they are.
pub(super) fn unpack(what: &str, packages: &[&str], folder: &Path) -> anyhow::Result<()> {
    if tools::on_path("apt-get").is_none() || tools::on_path("dpkg-deb").is_none() {
        bail!(
            "there is no {what} here, and this is no Debian-like system from whose packages to take it"
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

//! Programs from Debian packages, unpacked instead of installed.
//!
//! No service is started and no user is created. Root is needed only if the package lists were never fetched.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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
    fetch_lists(what)?;
    fs::create_dir_all(folder)?;
    command::run(
        &format!("fetch {what}"),
        Command::new("apt-get")
            .args(["download", "-q"])
            .args(packages)
            .current_dir(folder),
    )?;
    extract(what, folder, folder)
}

/// Like [`unpack`], but also unpacks all dependencies that are not installed.
///
/// `folder` exists only if all packages are unpacked.
pub(super) fn unpack_with_dependencies(
    what: &str,
    packages: &[&str],
    folder: &Path,
) -> anyhow::Result<()> {
    fetch_lists(what)?;
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    let archives = partial.join("archives");
    fs::create_dir_all(archives.join("partial"))?;
    let mut fetch = Command::new("apt-get");
    // Without `--reinstall`, packages that are installed in part would be left out.
    fetch.args(["install", "--download-only", "--reinstall", "--yes", "-q"]);
    fetch.arg("--no-install-recommends");
    // Nothing is installed, so the lock of dpkg, which only root may take, is not needed.
    fetch.args(["-o", "Debug::NoLocking=1", "-o"]);
    fetch.arg(format!("Dir::Cache::archives={}", archives.display()));
    command::run(&format!("fetch {what}"), fetch.args(packages))?;
    extract(what, &archives, &partial)?;
    fs::remove_dir_all(&archives)?;
    fs::rename(&partial, folder)?;
    Ok(())
}

/// Checks that the programs exist, and fetches the package lists as root.
fn fetch_lists(what: &str) -> anyhow::Result<()> {
    if tools::on_path("apt-get").is_none() || tools::on_path("dpkg-deb").is_none() {
        bail!(
            "{what} is not installed, and this system lacks apt-get or dpkg-deb to unpack it from a Debian package"
        );
    }
    if rustix::process::geteuid().is_root() {
        command::run(
            "fetch the package lists",
            Command::new("apt-get").args(["update", "-q"]),
        )?;
    }
    Ok(())
}

/// Unpacks all packages in the folder `archives`.
fn extract(what: &str, archives: &Path, folder: &Path) -> anyhow::Result<()> {
    let files = fs::read_dir(archives)?
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

/// All folders with a shared library, below the root `folder` of a file system.
pub(super) fn library_folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for system in ["usr/lib", "lib"] {
        add_library_folders(&folder.join(system), &mut found)?;
    }
    Ok(found)
}

/// Adds all folders below `folder` that contain a shared library.
fn add_library_folders(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    // The programs need libraries of subfolders as well, such as `pulseaudio`. Not every package has every folder.
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    let mut has_library = false;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            add_library_folders(&path, found)?;
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            has_library |= name.starts_with("lib") && name.contains(".so");
        }
    }
    if has_library {
        found.push(folder.to_owned());
    }
    Ok(())
}

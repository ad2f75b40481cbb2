//! Paths of the checkout and of the folders below `target/`.

use std::{
    env, io,
    path::{Path, PathBuf},
};

/// The root of the checkout.
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    // `xtask/support/` is two levels below the root.
    manifest.ancestors().nth(2).unwrap_or(manifest)
}

/// The file of this program.
///
/// `cargo test` may build it again while it runs. Linux then calls its file deleted, and the new one is in its place.
///
/// # Errors
///
/// If the system does not know the file.
pub fn program() -> io::Result<PathBuf> {
    let file = env::current_exe()?;
    let place = file
        .to_str()
        .and_then(|file| file.strip_suffix(" (deleted)"));
    Ok(place.map_or_else(|| file.clone(), PathBuf::from))
}

/// The folder of the library's crate, on which generated services depend by path.
pub fn library() -> PathBuf {
    root().join("telemetry-crate")
}

/// The folder of the template, as committed.
pub fn template() -> PathBuf {
    root().join("template")
}

/// The folder for everything that xtask makes or installs.
///
/// Git ignores it, and `cargo clean` removes it.
pub fn target() -> PathBuf {
    root().join("target")
}

/// The folder of the tools that xtask has installed.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// The target folder of all generated services.
///
/// All services share the folder, so that common dependencies are built once.
pub fn generated_target() -> PathBuf {
    target().join("generated")
}

/// Makes the empty folder `name` below `target/`, and removes an earlier one.
pub fn fresh(name: &str) -> std::io::Result<PathBuf> {
    let folder = target().join(name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

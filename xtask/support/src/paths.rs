//! Where things are: the checkout that this program was built from, and the folders that it makes under `target/`.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    // `xtask/support/` is always two levels below it.
    manifest.ancestors().nth(2).unwrap_or(manifest)
}

/// The library, as generated services should find it.
pub fn library() -> PathBuf {
    root().join("telemetry-crate")
}

/// The template, before it is rendered.
pub fn template() -> PathBuf {
    root().join("template")
}

/// Everything that xtask makes or installs is below this folder, which git ignores and `cargo clean` removes.
pub fn target() -> PathBuf {
    root().join("target")
}

/// Tools that xtask installed for itself.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// One target folder for all generated services: their dependencies are the same, and are built once.
pub fn generated_target() -> PathBuf {
    target().join("generated")
}

/// An empty folder below `target/`.
pub fn fresh(name: &str) -> std::io::Result<PathBuf> {
    let folder = target().join(name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

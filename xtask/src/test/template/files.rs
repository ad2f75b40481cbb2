//! All files of a folder, with what is in them, to compare folders.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, bail};

/// Paths relative to the folder, and contents.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

pub(super) fn of(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    collect(folder, "", &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Files) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(())
}

/// Both hold the same; otherwise the error names every file that tells them apart.
pub(super) fn same(found: &Files, expected: &Files) -> anyhow::Result<()> {
    let mut differences = Vec::new();
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        differences.push(format!("{name} should not be there"));
    }
    for (name, content) in expected {
        match found.get(name) {
            None => differences.push(format!("{name} is missing")),
            Some(other) if other != content => differences.push(format!("{name} differs")),
            Some(_) => {}
        }
    }
    if !differences.is_empty() {
        bail!("{}", differences.join("\n"));
    }
    Ok(())
}

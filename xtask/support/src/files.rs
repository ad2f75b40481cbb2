//! Reads, writes and compares folders as maps from path to content.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, bail};

/// Contents by path relative to the folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Reads all files below `folder`.
pub fn read(folder: &Path) -> anyhow::Result<Files> {
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

/// Writes `files` below `folder` and keeps files of other names.
pub fn write(folder: &Path, files: &Files) -> anyhow::Result<()> {
    for (name, content) in files {
        let file = folder.join(name);
        let parent = file.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        fs::write(&file, content).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// Checks that `found` and `expected` hold the same files with the same contents.
///
/// # Errors
///
/// Names every file that is missing, unexpected or different.
pub fn check_same(found: &Files, expected: &Files) -> anyhow::Result<()> {
    let mut differences = Vec::new();
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        differences.push(format!("{name} should not be there"));
    }
    for (name, content) in expected {
        match found.get(name) {
            None => differences.push(format!("{name} is missing")),
            Some(other) if other != content => {
                let line = first_difference(other, content);
                differences.push(format!("{name} differs from line {line} on"));
            }
            Some(_) => {}
        }
    }
    if !differences.is_empty() {
        bail!("{}", differences.join("\n"));
    }
    Ok(())
}

/// The number of the first line that differs, from 1.
fn first_difference(found: &[u8], expected: &[u8]) -> usize {
    let lines = |content| <[u8]>::split(content, |byte| *byte == b'\n');
    let pairs = lines(found).zip(lines(expected));
    pairs
        .take_while(|(found, expected)| found == expected)
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::{Files, check_same};

    fn files(files: &[(&str, &str)]) -> Files {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
        files.iter().map(owned).collect()
    }

    #[test]
    fn every_different_file_is_named() {
        let expected = files(&[("a", "1\n"), ("b", "1\n2\n"), ("c", "")]);
        assert!(check_same(&expected, &expected).is_ok());
        let found = files(&[("a", "1\n"), ("b", "1\n3\n"), ("old", "")]);
        let error = check_same(&found, &expected).map_err(|error| error.to_string());
        let named = "old should not be there\nb differs from line 2 on\nc is missing";
        assert_eq!(error, Err(named.to_owned()));
    }
}

//! Writing a folder of generated files, and comparing it with the committed one.
//!
//! Generated files are committed below `docs/`, and those that a generated service needs are also
//! committed in the template. The comparison fails if a folder is out of date, or has a file that
//! is no longer generated.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use support::files::{self, Files};

use crate::addresses::{self, Addresses};

/// A folder of generated files, and the command that writes it.
#[derive(Debug)]
pub(super) struct Folder {
    /// The path from the root of the repository.
    pub(super) path: &'static str,
    /// The subcommand of `cargo xtask` that writes the files.
    command: &'static str,
    files: Files,
    handwritten: &'static [&'static str],
}

impl Folder {
    /// A folder at `path` with `files`, as pairs of a name below `path` and a text.
    pub(super) fn new(
        path: &'static str,
        command: &'static str,
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let bytes = |(name, text): (String, String)| (name, text.into_bytes());
        Self {
            path,
            command,
            files: files.into_iter().map(bytes).collect(),
            handwritten: &[],
        }
    }

    /// Sets the files in the folder that are neither generated nor compared.
    ///
    /// A name that ends with `/` is a folder of such files.
    pub(super) fn handwritten(mut self, names: &'static [&'static str]) -> Self {
        self.handwritten = names;
        self
    }

    /// Converts the files to Liquid templates, which cargo-generate fills in.
    pub(super) fn liquid(mut self) -> Self {
        for content in self.files.values_mut() {
            *content = addresses::liquid(&String::from_utf8_lossy(content)).into_bytes();
        }
        self
    }

    /// Writes a copy to `destination`, with the addresses of `args`.
    ///
    /// # Errors
    ///
    /// A copy at `destination` has links to another address, which `args` lacks.
    pub(super) fn copy(mut self, destination: &Path, args: &Addresses) -> anyhow::Result<()> {
        for (name, content) in &self.files {
            let file = destination.join(name);
            let Ok(earlier) = fs::read_to_string(&file) else {
                continue;
            };
            if let Some(lost) = args.lost(&earlier, &String::from_utf8_lossy(content)) {
                bail!("{} has other links; {lost}", file.display());
            }
        }
        for content in self.files.values_mut() {
            *content = args
                .with_addresses(&String::from_utf8_lossy(content))
                .into_bytes();
        }
        files::write(destination, &self.files)
    }

    /// Writes the files below `root`, the root of a repository.
    pub(super) fn write(&self, root: &Path) -> anyhow::Result<()> {
        files::write(&root.join(self.path), &self.files)
    }

    /// Fails if a committed file differs, is missing, or is not generated.
    pub(super) fn compare(&self, root: &Path) -> anyhow::Result<()> {
        let mut found = files::read(&root.join(self.path))?;
        let is_handwritten = |name: &String| {
            let mut names = self.handwritten.iter();
            names.any(|by_hand| {
                name == by_hand || (by_hand.ends_with('/') && name.starts_with(by_hand))
            })
        };
        found.retain(|name, _| !is_handwritten(name));
        files::check_same(&found, &self.files).with_context(|| {
            format!(
                "{} differs from what the code generates; run `cargo xtask {}`, delete files that it does not write, and commit",
                self.path, self.command
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Folder;
    use crate::addresses::{Addresses, GRAFANA, RUNBOOKS};
    use support::paths;

    #[test]
    fn links_of_an_earlier_copy_are_kept() -> anyhow::Result<()> {
        let root = paths::fresh("folder-of-a-copy")?;
        let copy = |grafana: Option<&str>, runbooks: Option<&str>| {
            let text = format!("{GRAFANA}/d/a and {}/A.md", *RUNBOOKS);
            let folder = Folder::new("docs", "alerts", [("a.yml".to_owned(), text)]);
            let addresses = Addresses {
                grafana: grafana.map(str::to_owned),
                runbooks: runbooks.map(str::to_owned),
            };
            folder.copy(&root, &addresses)
        };
        copy(None, None)?;
        copy(Some("http://g"), Some("http://r"))?;
        let error = copy(Some("http://g"), None).err().map(|it| it.to_string());
        let error = error.unwrap_or_default();
        assert!(
            error.contains("a.yml has other links; give --runbooks URL again"),
            "{error}"
        );
        let kept = fs::read_to_string(root.join("a.yml"))?;
        assert_eq!(kept, "http://g/d/a and http://r/A.md");
        copy(Some("http://g"), Some(&RUNBOOKS))
    }

    #[test]
    fn stale_and_extra_files_are_found() -> anyhow::Result<()> {
        let root = paths::fresh("folder-of-generated-files")?;
        let files = [("tests/a.yml", "a"), ("b.json", "b")];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let folder = Folder::new("docs", "alerts", files).handwritten(&["README.md", "own/"]);
        assert!(folder.compare(&root).is_err(), "nothing is there yet");
        folder.write(&root)?;
        fs::write(root.join("docs/README.md"), "by hand")?;
        fs::create_dir(root.join("docs/own"))?;
        fs::write(root.join("docs/own/a.json"), "by hand")?;
        folder.compare(&root)?;
        for (name, message) in [
            ("tests/a.yml", "tests/a.yml differs"),
            ("tests/old.yml", "tests/old.yml should not be there"),
        ] {
            let file = root.join("docs").join(name);
            fs::write(&file, "other")?;
            let error = folder.compare(&root).map_err(|error| format!("{error:#}"));
            assert!(
                error.as_ref().is_err_and(|error| error.contains(message)),
                "{error:?}"
            );
            fs::remove_file(&file)?;
            folder.write(&root)?;
        }
        folder.compare(&root)
    }
}

//! A folder of generated files: written, or compared with what would be written.
//!
//! The same facts are committed in two places, for those who read them here and for generated services. Neither may be behind,
//! and neither may keep a file that is no longer generated.

use std::path::Path;

use anyhow::Context as _;
use support::files::{self, Files};

use crate::addresses::{self, CopyArgs};

/// What is in it, and who writes that.
#[derive(Debug)]
pub(super) struct Folder {
    /// From the root of the repository.
    pub(super) path: &'static str,
    /// The part of `cargo xtask` that writes it.
    command: &'static str,
    files: Files,
    by_hand: &'static [&'static str],
}

impl Folder {
    /// `files`: their names below `path`, and their texts.
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
            by_hand: &[],
        }
    }

    /// What lies beside the generated files, and is left alone.
    pub(super) fn by_hand(mut self, names: &'static [&'static str]) -> Self {
        self.by_hand = names;
        self
    }

    /// Of a generated service: its answers are in it when cargo-generate has made it.
    pub(super) fn liquid(mut self) -> Self {
        for content in self.files.values_mut() {
            *content = addresses::liquid(&String::from_utf8_lossy(content)).into_bytes();
        }
        self
    }

    /// Writes a copy elsewhere, with other addresses.
    pub(super) fn copy(mut self, destination: &Path, args: &CopyArgs) -> anyhow::Result<()> {
        for content in self.files.values_mut() {
            *content = args
                .addressed(&String::from_utf8_lossy(content))
                .into_bytes();
        }
        files::write(destination, &self.files)
    }

    pub(super) fn write(&self, root: &Path) -> anyhow::Result<()> {
        files::write(&root.join(self.path), &self.files)
    }

    /// Fails if a file is not as it would be written, or is one that is not written.
    pub(super) fn compare(&self, root: &Path) -> anyhow::Result<()> {
        let mut found = files::of(&root.join(self.path))?;
        found.retain(|name, _| !self.by_hand.contains(&name.as_str()));
        files::same(&found, &self.files).with_context(|| {
            format!(
                "{} is not what the code generates; run `cargo xtask {}`, delete what it does not write, and commit that",
                self.path, self.command
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Folder;
    use support::paths;

    #[test]
    fn stale_and_unwritten_files_are_found() -> anyhow::Result<()> {
        let root = paths::fresh("folder-of-generated-files")?;
        let files = [("tests/a.yml", "a"), ("b.json", "b")];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let folder = Folder::new("docs", "alerts", files).by_hand(&["README.md"]);
        assert!(folder.compare(&root).is_err(), "nothing is there yet");
        folder.write(&root)?;
        fs::write(root.join("docs/README.md"), "by hand")?;
        folder.compare(&root)?;
        for (name, said) in [
            ("tests/a.yml", "tests/a.yml differs"),
            ("tests/old.yml", "tests/old.yml should not be there"),
        ] {
            let file = root.join("docs").join(name);
            fs::write(&file, "other")?;
            let error = folder.compare(&root).map_err(|error| format!("{error:#}"));
            assert!(
                error.as_ref().is_err_and(|error| error.contains(said)),
                "{error:?}"
            );
            fs::remove_file(&file)?;
            folder.write(&root)?;
        }
        folder.compare(&root)
    }
}

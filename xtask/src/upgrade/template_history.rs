//! The commits of a checkout of firstlight, and the template of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use support::git::{self, git};

use super::{scratch::Scratch, service_record::short};

/// A checkout, whose `HEAD` has the newest template.
#[derive(Debug)]
pub(super) struct TemplateHistory<'a> {
    root: &'a Path,
    scratch: &'a Scratch,
    /// The commit of `HEAD`.
    pub(super) head: String,
}

impl<'a> TemplateHistory<'a> {
    pub(super) fn open(root: &'a Path, scratch: &'a Scratch) -> anyhow::Result<Self> {
        let head = git::text(&mut git(root, &["rev-parse", "--verify", "HEAD"]));
        let head = head.map_err(|error| {
            let root = root.display();
            let what = match git::is_of_another_user(&error) {
                true => format!("{root} belongs to another user, so git does not read it"),
                false => format!(
                    "{root} is not a clone of firstlight's repository. An upgrade needs its history: git clone it"
                ),
            };
            error.context(what)
        })?;
        Ok(Self {
            root,
            scratch,
            head,
        })
    }

    /// Whether the template has changes that are not committed.
    pub(super) fn is_changed(&self) -> anyhow::Result<bool> {
        is_changed(self.root)
    }

    /// The full name of a commit that has a template.
    pub(super) fn resolve(&self, commit: &str) -> anyhow::Result<String> {
        let object = format!("{commit}^{{commit}}");
        let found = git::optional(&mut git(
            self.root,
            &["rev-parse", "--verify", "--quiet", &object],
        ))?;
        let how = if self.is_shallow()? {
            "git fetch --unshallow"
        } else {
            "git fetch --all --tags"
        };
        let root = self.root.display();
        let found = found.with_context(|| {
            format!(
                "{root} does not have the commit {commit}. Fetch it there ({how}), or name the commit from which the service was generated: --from COMMIT"
            )
        })?;
        self.tree(&found)?;
        Ok(found)
    }

    /// The commit of a released version; `None` if the checkout has no such tag.
    pub(super) fn release(&self, version: &str) -> anyhow::Result<Option<String>> {
        let tag = format!("refs/tags/v{version}^{{commit}}");
        git::optional(&mut git(
            self.root,
            &["rev-parse", "--verify", "--quiet", &tag],
        ))
    }

    /// Whether a commit comes after `HEAD`.
    pub(super) fn is_ahead(&self, commit: &str) -> anyhow::Result<bool> {
        let is_ancestor = ["merge-base", "--is-ancestor", &*self.head, commit];
        let is_ancestor = git::optional(&mut git(self.root, &is_ancestor))?;
        Ok(is_ancestor.is_some() && commit != self.head)
    }

    /// Whether commits are missing at the beginning of the history.
    pub(super) fn is_shallow(&self) -> anyhow::Result<bool> {
        let shallow = git::text(&mut git(
            self.root,
            &["rev-parse", "--is-shallow-repository"],
        ))?;
        Ok(shallow == "true")
    }

    /// The commits that have changed the template, newest first.
    pub(super) fn commits(&self) -> anyhow::Result<Vec<String>> {
        let log = git::text(&mut git(
            self.root,
            &["log", "--format=%H", "--", "template"],
        ))?;
        Ok(log.lines().map(str::to_owned).collect())
    }

    /// The files of a template, with the names of their contents.
    pub(super) fn files(&self, commit: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let tree = format!("{commit}:./template");
        let format = "--format=%(objectname) %(path)";
        let files = git::text(&mut git(self.root, &["ls-tree", "-r", format, &tree]))?;
        let files = files.lines().filter_map(|line| line.split_once(' '));
        Ok(files
            .map(|(blob, path)| (path.to_owned(), blob.to_owned()))
            .collect())
    }

    /// The contents with these names.
    pub(super) fn texts(
        &self,
        blobs: &BTreeSet<String>,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let names: Vec<_> = blobs.iter().map(String::as_str).collect();
        let asked = self.scratch.fresh("names");
        fs::write(&asked, names.join("\n") + "\n")?;
        let mut batch = git(self.root, &["cat-file", "--batch"]);
        let output = git::output(batch.stdin(fs::File::open(&asked)?))?.stdout;
        let mut rest = &*output;
        let mut texts = BTreeMap::new();
        // Each content follows a line with its name, its type and its size, and is followed by a line break.
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            let line = String::from_utf8_lossy(line);
            let words: Vec<_> = line.split_whitespace().collect();
            let [name, "blob", size] = words[..] else {
                bail!("git cat-file --batch: found {line:?}, expected a blob")
            };
            let size: usize = size.parse()?;
            let text = after.get(..size).context("git cat-file ended early")?;
            let text = String::from_utf8_lossy(text).into_owned();
            texts.insert(name.to_owned(), text);
            rest = after.get(size + 1..).unwrap_or_default();
        }
        Ok(texts)
    }

    /// A file of the checkout as it was in a commit; empty if there was none.
    pub(super) fn file(&self, commit: &str, path: &str) -> anyhow::Result<String> {
        let object = format!("{commit}:./{path}");
        let is_there = ["rev-parse", "--verify", "--quiet", &object];
        match git::optional(&mut git(self.root, &is_there))? {
            Some(blob) => git::text(&mut git(self.root, &["cat-file", "blob", &blob])),
            None => Ok(String::new()),
        }
    }

    /// The folder with the template of a commit.
    pub(super) fn extract(&self, commit: &str) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.path().join(commit);
        if folder.exists() {
            return Ok(folder);
        }
        let tree = self.tree(commit)?;
        let database = git::text(&mut git(self.root, &["rev-parse", "--absolute-git-dir"]))?;
        fs::create_dir(&folder)?;
        let (database, work_tree) = (
            format!("--git-dir={database}"),
            format!("--work-tree={}", folder.display()),
        );
        let index = self.scratch.fresh("index");
        for command in [&["read-tree", &*tree][..], &["checkout-index", "--all"]] {
            // The bytes of the repository, whatever the line endings of this machine are.
            let settings = [
                "-c",
                "core.autocrlf=false",
                "-c",
                "core.sparseCheckout=false",
            ];
            let all = [&[&*database, &*work_tree], &settings[..], command].concat();
            git::text(git(&folder, &all).env("GIT_INDEX_FILE", &index))?;
        }
        ensure!(
            folder.join("cargo-generate.toml").exists(),
            "the commit {} of {} has no template/cargo-generate.toml",
            short(commit),
            self.root.display()
        );
        Ok(folder)
    }

    /// The tree of the template in a commit.
    pub(super) fn tree(&self, commit: &str) -> anyhow::Result<String> {
        let object = format!("{commit}:./template");
        let tree = ["rev-parse", "--verify", "--quiet", &object];
        let tree = git::optional(&mut git(self.root, &tree))?;
        tree.with_context(|| {
            format!(
                "the commit {} of {} has no folder template",
                short(commit),
                self.root.display()
            )
        })
    }
}

/// Whether the template in the checkout `root` has changes that are not committed.
pub(crate) fn is_changed(root: &Path) -> anyhow::Result<bool> {
    let status = git::text(&mut git(root, &["status", "--porcelain", "--", "template"]))?;
    Ok(!status.is_empty())
}

/// The commit of the template in the checkout `root`, or why it is not known.
pub(crate) fn commit_of(root: &Path) -> Result<String, &'static str> {
    match git::text(&mut git(root, &["rev-parse", "--verify", "HEAD"])) {
        Err(error) if git::is_of_another_user(&error) => {
            Err("this checkout of firstlight belongs to another user, so git does not read it")
        }
        Err(_) => Err("this checkout of firstlight has no git history"),
        Ok(_) if is_changed(root).unwrap_or(true) => {
            Err("template/ of this checkout has changes that are not committed")
        }
        Ok(commit) => Ok(commit),
    }
}

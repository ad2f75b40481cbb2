//! The git repository of a service, which is its root or a folder in it.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use support::git::{self, git};

use super::{
    scratch::Scratch,
    service_record::{FILE, Record},
};

/// The repository, and the service's folder in it.
#[derive(Debug)]
pub(super) struct ServiceRepository {
    /// The service's folder.
    pub(super) folder: PathBuf,
    /// The root of the working tree.
    root: PathBuf,
    /// The folder in the repository, such as `services/orders/`; empty for the root.
    prefix: String,
    /// The folder `.git`.
    database: String,
    /// The commit of `HEAD`.
    pub(super) head: String,
}

impl ServiceRepository {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let folder = path
            .canonicalize()
            .with_context(|| format!("{} does not exist", path.display()))?;
        ensure!(
            folder.is_dir(),
            "it is a file, expected the folder of a service"
        );
        let asked = ["rev-parse", "--show-toplevel", "--absolute-git-dir"];
        let found = git::text(&mut git(&folder, &asked)).map_err(unreadable)?;
        let (root, database) = found
            .split_once('\n')
            .context("git names no working tree")?;
        // An empty line, which the previous command would not keep.
        let prefix = git::text(&mut git(&folder, &["rev-parse", "--show-prefix"]))?;
        let head = git::optional(&mut git(
            &folder,
            &["rev-parse", "--verify", "--quiet", "HEAD"],
        ))?;
        Ok(Self {
            root: PathBuf::from(root),
            database: database.to_owned(),
            prefix,
            head: head.context("its repository has no commit yet: commit the service first")?,
            folder,
        })
    }

    /// Whether the service is the whole repository.
    pub(super) fn is_root(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Whether the repository has this branch.
    pub(super) fn has_branch(&self, name: &str) -> anyhow::Result<bool> {
        let reference = format!("refs/heads/{name}");
        let exists = ["show-ref", "--verify", "--quiet", &reference];
        Ok(git::optional(&mut self.git(&exists))?.is_some())
    }

    /// The command git in the service's folder.
    pub(super) fn git(&self, arguments: &[&str]) -> Command {
        git(&self.folder, arguments)
    }

    /// The command git in the root of the repository.
    pub(super) fn git_in_root(&self, arguments: &[&str]) -> Command {
        git(&self.root, arguments)
    }

    /// Reads a file of the service as committed; `None` if it is not.
    pub(super) fn committed(&self, file: &str) -> anyhow::Result<Option<String>> {
        self.file("HEAD", file)
    }

    /// Reads a file of the service in a commit; `None` if it is not there.
    fn file(&self, commit: &str, file: &str) -> anyhow::Result<Option<String>> {
        let object = format!("{commit}:{}{file}", self.prefix);
        let blob = self.git(&["rev-parse", "--verify", "--quiet", &object]);
        match git::optional(&mut { blob })? {
            None => Ok(None),
            Some(blob) => self.text(&blob).map(Some),
        }
    }

    /// The committed record.
    pub(super) fn record(&self) -> anyhow::Result<Record> {
        match self.committed(FILE)? {
            Some(text) => Record::parse(&text),
            None if self.folder.join(FILE).exists() => {
                bail!("{FILE} is not committed: commit the service first")
            }
            None => bail!(
                "it has no {FILE}, which firstlight's template writes; expected the folder of a service"
            ),
        }
    }

    /// The record that the template wrote for the service's files.
    ///
    /// The generation and each upgrade change the line `commit`, which is not edited by hand. `None` if no commit has such a line.
    pub(super) fn written_record(&self) -> anyhow::Result<Option<Record>> {
        let log = ["log", "-1", "--format=%H", "-G^commit = ", "--", FILE];
        let commit = git::text(&mut self.git(&log))?;
        let text = match commit.is_empty() {
            true => None,
            false => self.file(&commit, FILE)?,
        };
        // A record that was edited together with this line may be invalid.
        Ok(text.and_then(|text| Record::parse(&text).ok()))
    }

    /// Whether `HEAD` has all commits of a branch.
    pub(super) fn is_merged(&self, branch: &str) -> anyhow::Result<bool> {
        let branch = format!("refs/heads/{branch}");
        let is_ancestor = ["merge-base", "--is-ancestor", &*branch, "HEAD"];
        Ok(git::optional(&mut self.git(&is_ancestor))?.is_some())
    }

    /// The tracked files whose content is not what git has checked out.
    ///
    /// Files with conflicts are left out.
    pub(super) fn not_checked_out(&self) -> anyhow::Result<Vec<String>> {
        let status = ["status", "--porcelain", "--untracked-files=no"];
        let status = git::text(&mut self.git_in_root(&status))?;
        let differs = |line: &&str| {
            let (codes, is_conflict) = (line.as_bytes(), line.get(..2).is_some_and(is_conflict));
            codes.get(1) != Some(&b' ') && !is_conflict
        };
        let files = status.lines().filter(differs);
        Ok(files
            .map(|line| line.get(3..).unwrap_or(line).to_owned())
            .collect())
    }

    /// Checks that all changes of tracked files are committed.
    pub(super) fn check_clean(&self) -> anyhow::Result<()> {
        let status = ["status", "--porcelain", "--untracked-files=no"];
        let changed = git::text(&mut self.git_in_root(&status))?;
        let picked = ["rev-parse", "--verify", "--quiet", "CHERRY_PICK_HEAD"];
        ensure!(
            git::optional(&mut self.git(&picked))?.is_none(),
            "its repository has a cherry-pick in progress, such as the upgrade of another service. End it first: git cherry-pick --continue, or --abort"
        );
        let files: Vec<_> = changed.lines().filter_map(|line| line.get(3..)).collect();
        ensure!(
            files.is_empty(),
            "{} has changes that are not committed: {}. Commit or stash them first",
            if self.is_root() {
                "it"
            } else {
                "its repository"
            },
            some_of(&files)
        );
        Ok(())
    }

    /// Checks that no file is in the way of `added`, also none that git ignores.
    ///
    /// `added` are paths from the root of the repository that `HEAD` does not have.
    pub(super) fn check_free(&self, added: &[&str]) -> anyhow::Result<()> {
        let is_taken = |path: &&&str| {
            let mut folders = Path::new(path).ancestors().skip(1);
            let is_file = |folder: &Path| {
                let metadata = self.root.join(folder).symlink_metadata();
                metadata.is_ok_and(|metadata| !metadata.is_dir())
            };
            self.root.join(path).symlink_metadata().is_ok() || folders.any(is_file)
        };
        let taken: Vec<_> = added.iter().filter(is_taken).copied().collect();
        ensure!(
            taken.is_empty(),
            "the template adds files that exist and are not tracked by git: {}. Commit or move them first",
            some_of(&taken)
        );
        Ok(())
    }

    /// The path for a git command in the service's folder.
    ///
    /// `path` is from the root of the repository.
    pub(super) fn shown(&self, path: &str) -> String {
        match path.strip_prefix(&self.prefix) {
            Some(inside) => inside.to_owned(),
            None => format!(":/{path}"),
        }
    }

    /// Removes files, and folders that are then empty.
    ///
    /// The paths are from the root of the repository.
    pub(super) fn remove(&self, files: &[String]) -> anyhow::Result<()> {
        for file in files {
            match fs::remove_file(self.root.join(file)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {file}"));
                }
                _ => {}
            }
            let folders = Path::new(file).ancestors().skip(1);
            for folder in folders.filter(|folder| !folder.as_os_str().is_empty()) {
                // It fails for folders with other files.
                if fs::remove_dir(self.root.join(folder)).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Stores rendered files as a tree of the whole repository.
    ///
    /// In the tree they replace the service. The files get the line endings of the service's own files.
    pub(super) fn store(&self, rendered: &Path, scratch: &Scratch) -> anyhow::Result<String> {
        self.match_line_endings(rendered)?;
        let tree = self.tree(rendered, scratch)?;
        if self.prefix.is_empty() {
            return Ok(tree);
        }
        let index = scratch.fresh("index");
        let run = |arguments: &[&str]| {
            let mut git = self.git_in_root(arguments);
            git::text(git.env("GIT_INDEX_FILE", &index))
        };
        run(&["read-tree", "HEAD"])?;
        run(&["rm", "-r", "-f", "--quiet", "--cached", "--", &self.prefix])?;
        run(&["read-tree", &format!("--prefix={}", self.prefix), &tree])?;
        run(&["write-tree"])
    }

    /// Stores the files of a folder, and returns their tree.
    pub(super) fn tree(&self, files: &Path, scratch: &Scratch) -> anyhow::Result<String> {
        let index = scratch.fresh("index");
        let (database, work_tree) = (
            format!("--git-dir={}", self.database),
            format!("--work-tree={}", files.display()),
        );
        let run = |arguments: &[&str]| {
            // The files are stored as they are, whatever the repository's settings for its working tree.
            let own = [
                &*database,
                &*work_tree,
                "-c",
                "core.autocrlf=false",
                "-c",
                "core.fileMode=true",
                "-c",
                "core.sparseCheckout=false",
            ];
            let mut git = git(files, &[&own[..], arguments].concat());
            git::text(git.env("GIT_INDEX_FILE", &index))
        };
        // `.gitignore` may list a file that the template writes.
        run(&["add", "--all", "--force", "--", "."])?;
        run(&["write-tree"])
    }

    /// Stores a commit with this tree, and returns its name.
    pub(super) fn commit(
        &self,
        tree: &str,
        parent: Option<&str>,
        message: &str,
    ) -> anyhow::Result<String> {
        let parent = parent.map(|parent| ["-p", parent]);
        let parent = parent.as_ref().map_or(&[][..], |parent| &parent[..]);
        let own = ["commit-tree", tree, "-m", message];
        let mut commit = self.git(&[&own[..], parent].concat());
        for role in ["AUTHOR", "COMMITTER"] {
            let ident = git::output(&mut self.git(&["var", &format!("GIT_{role}_IDENT")]))?;
            if !ident.status.success() {
                commit.env(format!("GIT_{role}_NAME"), "firstlight");
                commit.env(format!("GIT_{role}_EMAIL"), "firstlight@localhost");
            }
        }
        git::text(&mut commit)
    }

    /// The names of the contents of all files of a tree, by path.
    pub(super) fn contents(&self, tree: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let format = "--format=%(objectname) %(path)";
        let files = ["ls-tree", "-r", "--full-tree", format, tree];
        let files = git::text(&mut self.git(&files))?;
        let pairs = files.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs
            .map(|(blob, path)| (path.to_owned(), blob.to_owned()))
            .collect())
    }

    /// The content with this name.
    pub(super) fn text(&self, blob: &str) -> anyhow::Result<String> {
        let output = git::output(&mut self.git(&["cat-file", "blob", blob]))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The service's tree in the commit that added the record.
    pub(super) fn first_tree(&self) -> anyhow::Result<String> {
        let log = ["log", "--diff-filter=A", "--format=%H", "--", FILE];
        let log = git::text(&mut self.git(&log))?;
        let first = log.lines().last();
        let first = first.with_context(|| format!("no commit adds {FILE}"))?;
        Ok(format!("{first}:{}", self.prefix))
    }

    /// Converts rendered files to CRLF where the service's committed file has CRLF.
    fn match_line_endings(&self, rendered: &Path) -> anyhow::Result<()> {
        let listed = git::text(&mut self.git(&["ls-files", "--eol"]))?;
        for line in listed.lines().filter(|line| line.starts_with("i/crlf")) {
            let Some((_, path)) = line.split_once('\t') else {
                continue;
            };
            let file = rendered.join(path);
            if let Ok(text) = fs::read_to_string(&file) {
                fs::write(&file, text.replace("\r\n", "\n").replace('\n', "\r\n"))?;
            }
        }
        Ok(())
    }
}

/// The error with what to do if git finds no repository, or does not read it.
fn unreadable(error: anyhow::Error) -> anyhow::Error {
    // Git's own message has the command that trusts the folder.
    let what = match git::is_of_another_user(&error) {
        true => "its repository belongs to another user, so git does not read it",
        false => "it is not in a git repository: git init, and commit it",
    };
    error.context(what)
}

/// Whether the two letters of `git status` are those of a conflict.
fn is_conflict(codes: &str) -> bool {
    codes.contains('U') || codes == "AA" || codes == "DD"
}

/// The first paths, and the number of the others.
pub(super) fn some_of(paths: &[&str]) -> String {
    let first = paths
        .iter()
        .take(SHOWN)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match paths.len().checked_sub(SHOWN) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}

/// The number of paths in a message.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::{ServiceRepository, unreadable};

    #[test]
    fn advice_fits_the_cause() {
        for (message, expected) in [
            (
                "fatal: detected dubious ownership in repository at '/a'",
                "another user",
            ),
            ("fatal: not a git repository", "git init"),
        ] {
            let error = format!("{:#}", unreadable(anyhow!(message)));
            assert!(error.contains(expected), "{error}");
            assert_eq!(error.contains("git init"), expected == "git init");
        }
        let file = ServiceRepository::open(&support::paths::root().join("Cargo.toml"));
        let error = file.err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("it is a file")));
    }
}

//! The merge of the template's difference into a service, on a new branch.
//!
//! Git merges in its object store first, without the working tree. So a merge without conflicts is one commit, which is
//! checked out as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use support::git;

use super::{
    scratch::Scratch,
    service_repository::{ServiceRepository, some_of},
    way_back::WayBack,
};

/// The result of a merge in the object store.
#[derive(Debug)]
pub(super) struct ThreeWay {
    /// The merged tree, with markers in files with conflicts.
    tree: String,
    /// The commit with the new rendering, whose parent has the old one.
    theirs: String,
    /// Files that git leaves to the team, as the service's folder names them.
    pub(super) conflicts: Vec<Conflict>,
    /// Files that the service has deleted and the template has changed.
    ///
    /// They stay deleted.
    pub(super) deleted: Vec<String>,
    /// The same files from the root of the repository.
    removed: Vec<String>,
    /// Files that `HEAD` does not have, and that did not exist.
    added: Vec<String>,
    /// The number of files that differ from the service's `HEAD`.
    pub(super) changed: usize,
}

/// A file that git leaves to the team.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    /// The path, from the root of the repository until it is shown.
    pub(super) path: String,
    pub(super) kind: ConflictKind,
}

/// Why git leaves a file to the team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConflictKind {
    /// Both sides have changed it.
    Changed,
    /// The service has changed it, and the new template does not have it.
    ///
    /// It may have another place there, which is so different that git does not take it for the same file.
    Removed,
    /// One side has added it to a folder that the other side has renamed.
    FolderRenamed,
}

/// Settings of a merge, whatever those of the machine are.
///
/// A file in a renamed folder must not be moved in silence.
const SETTINGS: [&str; 4] = [
    "-c",
    "merge.renames=true",
    "-c",
    "merge.directoryRenames=conflict",
];

/// Merges the difference between the trees `old` and `new` into `HEAD`.
///
/// # Errors
///
/// If git fails, or if the merge would overwrite files that it does not track.
pub(super) fn merge(
    repository: &ServiceRepository,
    scratch: &Scratch,
    old: &str,
    new: &str,
    message: &str,
) -> anyhow::Result<ThreeWay> {
    let base = repository.commit(old, None, "The files of the old template")?;
    let theirs = repository.commit(new, Some(&base), message)?;
    let base = format!("--merge-base={base}");
    let merge = ["merge-tree", "--write-tree", "-z", "--no-messages"];
    let merge = [&SETTINGS, &merge[..], &[&*base, "HEAD", &*theirs]].concat();
    // In a folder, git would name files from there.
    let output = git::output(&mut repository.git_in_root(&merge))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !matches!(output.status.code(), Some(0 | 1)) {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("git merge-tree, which needs git 2.40: {}", error.trim());
    }
    let (tree, entries) = text.split_once('\0').context("git merged no tree")?;
    let (conflicts, removed) = sorted(entries);
    let tree = without(repository, scratch, tree, &removed)?;
    let shown = |paths: &[String]| -> Vec<String> {
        paths.iter().map(|path| repository.shown(path)).collect()
    };

    let in_folder = |Conflict { path, kind }| Conflict {
        path: repository.shown(&path),
        kind,
    };
    let conflicts = conflicts.into_iter().map(in_folder).collect();

    let listed = |filter: &str| {
        let diff = ["diff-tree", "-r", "-z", "--name-only", "--no-renames"];
        let diff = [&diff[..], &[filter, "HEAD", &*tree]].concat();
        git::text(&mut repository.git_in_root(&diff))
    };
    let added = listed("--diff-filter=A")?;
    let added: Vec<_> = added.split_terminator('\0').collect();
    repository.check_free(&added)?;
    let added = added.into_iter().map(str::to_owned).collect();
    let changed = listed("--diff-filter=ACDMRT")?;
    let changed = changed.split_terminator('\0').count();
    Ok(ThreeWay {
        tree,
        theirs,
        conflicts,
        deleted: shown(&removed),
        removed,
        added,
        changed,
    })
}

/// Splits the conflicting entries of git's index into conflicts and deleted files.
///
/// An entry is `mode object stage<TAB>path`. The stages are 1 for the old template, 2 for the service, and 3 for the
/// new template. Without a 2, the service has deleted the file, and the other two say that the template has changed it.
fn sorted(entries: &str) -> (Vec<Conflict>, Vec<String>) {
    let mut stages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in entries.split_terminator('\0') {
        if let Some((entry, path)) = entry.split_once('\t') {
            let stage = entry.rsplit(' ').next().unwrap_or_default();
            stages.entry(path).or_default().insert(stage);
        }
    }
    let (mut conflicts, mut deleted) = (Vec::new(), Vec::new());
    for (path, stages) in stages {
        let stages: Vec<_> = stages.into_iter().collect();
        let kind = match stages[..] {
            ["1", "3"] => {
                deleted.push(path.to_owned());
                continue;
            }
            ["1", "2"] => ConflictKind::Removed,
            ["2"] | ["3"] => ConflictKind::FolderRenamed,
            _ => ConflictKind::Changed,
        };
        let path = path.to_owned();
        conflicts.push(Conflict { path, kind });
    }
    (conflicts, deleted)
}

/// The tree without the files of `paths`.
fn without(
    repository: &ServiceRepository,
    scratch: &Scratch,
    tree: &str,
    paths: &[String],
) -> anyhow::Result<String> {
    if paths.is_empty() {
        return Ok(tree.to_owned());
    }
    let index = scratch.fresh("index");
    let run = |arguments: &[&str]| {
        let mut git = repository.git_in_root(arguments);
        git::text(git.env("GIT_INDEX_FILE", &index))
    };
    run(&["read-tree", tree])?;
    let paths = paths.iter().map(String::as_str);
    let remove = ["update-index", "--force-remove", "--"];
    run(&remove.into_iter().chain(paths).collect::<Vec<_>>())?;
    run(&["write-tree"])
}

impl ThreeWay {
    /// Creates the branch and checks it out.
    ///
    /// With conflicts, the branch has none of the changes yet: they are in the working tree, as those of a
    /// `git cherry-pick` that has stopped.
    ///
    /// # Errors
    ///
    /// If git refuses. The error says whether the service is as it was before.
    pub(super) fn check_out(
        &self,
        repository: &ServiceRepository,
        back: &WayBack,
        message: &str,
    ) -> anyhow::Result<()> {
        let head = &repository.head;
        let target = match self.conflicts.is_empty() {
            true => &repository.commit(&self.tree, Some(head), message)?,
            false => head,
        };
        let create = [
            "switch",
            "--quiet",
            "--no-track",
            "--create",
            back.branch(),
            target,
        ];
        let mut create = repository.git_in_root(&create);
        let created = git::output(&mut create).and_then(|output| {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            ensure!(output.status.success(), "git switch: {said}");
            if !self.conflicts.is_empty() {
                self.stop_at_conflicts(repository)?;
            }
            Ok(said)
        });
        let done = created.and_then(|said| {
            // Git ends with 0 if it cannot replace a file, such as an immutable one.
            let files = repository.not_checked_out()?;
            let files: Vec<_> = files.iter().map(String::as_str).collect();
            ensure!(
                files.is_empty(),
                "git has not written all files: {}. Make them writable. {said}",
                some_of(&files)
            );
            Ok(())
        });
        done.map_err(|error| back.undo(repository, &self.added, error))
    }

    fn stop_at_conflicts(&self, repository: &ServiceRepository) -> anyhow::Result<()> {
        let pick = [&SETTINGS[..], &["cherry-pick", &self.theirs]].concat();
        let output = git::output(&mut repository.git_in_root(&pick))?;
        let stopped = ["rev-parse", "--verify", "--quiet", "CHERRY_PICK_HEAD"];
        let stopped = git::optional(&mut repository.git_in_root(&stopped))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(stopped.is_some(), "git cherry-pick: {}", error.trim());
        if !self.removed.is_empty() {
            let remove = ["rm", "--quiet", "--force", "--ignore-unmatch", "--"];
            let paths = self.removed.iter().map(String::as_str);
            let remove: Vec<_> = remove.into_iter().chain(paths).collect();
            git::text(&mut repository.git_in_root(&remove))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Conflict, ConflictKind, sorted};

    #[test]
    fn stages_tell_kinds_of_conflicts() {
        let entries = [
            "100644 a 1\tdeleted",
            "100644 b 3\tdeleted",
            "100644 a 1\tboth",
            "100644 b 2\tboth",
            "100644 c 3\tboth",
            "100644 a 1\tno longer rendered",
            "100644 b 2\tno longer rendered",
            "100644 b 3\tadded in a renamed folder",
            "100644 b 2\tour own in a renamed folder",
            "",
        ];
        let (conflicts, deleted) = sorted(&entries.join("\0"));
        let expected = [
            ("added in a renamed folder", ConflictKind::FolderRenamed),
            ("both", ConflictKind::Changed),
            ("no longer rendered", ConflictKind::Removed),
            ("our own in a renamed folder", ConflictKind::FolderRenamed),
        ];
        let expected = expected.map(|(path, kind)| Conflict {
            path: path.to_owned(),
            kind,
        });
        assert_eq!(conflicts, expected);
        assert_eq!(deleted, ["deleted"]);
    }
}

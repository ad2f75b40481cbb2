//! The way back to what was checked out before an upgrade.

use anyhow::{anyhow, bail, ensure};
use support::{command, git};

use super::service_repository::ServiceRepository;

/// What was checked out, and the branch of the upgrade.
#[derive(Debug)]
pub(super) struct WayBack {
    /// What `git switch` returns to: a branch, or a commit without one.
    target: Vec<String>,
    /// The new branch.
    branch: String,
    /// Branch, commit and changed files, untracked ones included.
    state: String,
}

impl WayBack {
    /// Reads the state of the repository before `branch` is created.
    pub(super) fn read(repository: &ServiceRepository, branch: String) -> anyhow::Result<Self> {
        // The short name would be `heads/main` if there is a tag `main`.
        let head = git::optional(&mut repository.git(&["symbolic-ref", "--quiet", "HEAD"]))?;
        let current = head.as_deref();
        let current = current.and_then(|head| head.strip_prefix("refs/heads/"));
        let target = match current {
            Some(branch) => vec![branch.to_owned()],
            None => vec!["--detach".to_owned(), repository.head.clone()],
        };
        Ok(Self {
            target,
            branch,
            state: state(repository)?,
        })
    }

    /// The name of the new branch.
    pub(super) fn branch(&self) -> &str {
        &self.branch
    }

    /// The commands that go back once the upgrade is checked out.
    pub(super) fn shown(&self) -> String {
        shown(&[self.switch(), self.delete()])
    }

    /// Goes back after `error`, and adds to it what has become of the service.
    ///
    /// `added` are the files that the upgrade may have written and that did not exist before.
    pub(super) fn undo(
        &self,
        repository: &ServiceRepository,
        added: &[String],
        error: anyhow::Error,
    ) -> anyhow::Error {
        match self.try_undo(repository, added) {
            Ok(true) => error.context("the upgrade was undone"),
            Ok(false) => error.context("nothing was changed"),
            Err(undo) => anyhow!("{error:#}\n  The upgrade is not undone: {undo:#}"),
        }
    }

    /// Returns whether there was something to undo.
    fn try_undo(&self, repository: &ServiceRepository, added: &[String]) -> anyhow::Result<bool> {
        let is_created = repository.has_branch(&self.branch)?;
        if !is_created && state(repository)? == self.state {
            return Ok(false);
        }
        repository.remove(added)?;
        // Tracked files had no changes before. The first step also ends a cherry-pick, and finds the files that still have
        // their content. The second one does not write these, which may be impossible.
        let mut steps = vec![
            words(&["reset", "--quiet", &repository.head]),
            words(&["reset", "--hard"]),
            self.switch(),
        ];
        if is_created {
            steps.push(self.delete());
        }
        for step in &steps {
            let step: Vec<_> = step.iter().map(String::as_str).collect();
            if let Err(cause) = git::text(&mut repository.git_in_root(&step)) {
                let steps = shown(&steps);
                bail!("{cause:#}\n  Remove the cause, and go back: {steps}");
            }
        }
        let left = state(repository)?;
        ensure!(
            left == self.state,
            "git status was\n{}\nand is\n{left}",
            self.state
        );
        Ok(true)
    }

    fn switch(&self) -> Vec<String> {
        [words(&["switch"]), self.target.clone()].concat()
    }

    fn delete(&self) -> Vec<String> {
        words(&["branch", "--delete", "--force", &self.branch])
    }
}

/// Commands of git as a line for a shell.
fn shown(commands: &[Vec<String>]) -> String {
    let commands = commands.iter().map(|command| {
        let words = command.iter().map(|word| command::quoted(word));
        format!("git {}", words.collect::<Vec<_>>().join(" "))
    });
    commands.collect::<Vec<_>>().join(" && ")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Branch, commit and changed files of a repository.
fn state(repository: &ServiceRepository) -> anyhow::Result<String> {
    let status = ["status", "--porcelain=v2", "--branch"];
    git::text(&mut repository.git_in_root(&status))
}

//! Git, as a program, with settings that do not depend on the user's.

use std::{
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context as _, bail};

/// Settings of each call: no hooks, no signatures, and git's default merges.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "merge.renames=true",
    "merge.directoryRenames=conflict",
];

/// Variables that a calling git sets for its own repository.
///
/// Such a git is one that runs a hook.
const FOREIGN: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
];

/// The command `git` with `arguments` in `folder`.
pub fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    for setting in SETTINGS {
        git.args(["-c", setting]);
    }
    git.args(arguments);
    for variable in FOREIGN {
        git.env_remove(variable);
    }
    git.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    // A folder's name may have the characters of patterns, such as `[`.
    git.env("GIT_LITERAL_PATHSPECS", "1");
    git
}

/// Runs the command and returns its standard output without the last line break.
///
/// # Errors
///
/// If the command cannot be started or fails. The message holds its standard error.
pub fn text(git: &mut Command) -> anyhow::Result<String> {
    let output = output(git)?;
    if !output.status.success() {
        bail!("{}", failure(git, &output));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// Like [`text`], but `None` if the command ends with 1.
///
/// `git rev-parse --quiet` does so if an object is missing.
pub fn optional(git: &mut Command) -> anyhow::Result<Option<String>> {
    let output = output(git)?;
    if output.status.code() == Some(1) {
        return Ok(None);
    }
    if !output.status.success() {
        bail!("{}", failure(git, &output));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(Some(text.strip_suffix('\n').unwrap_or(&text).to_owned()))
}

/// Whether git refuses to read a repository, because it belongs to another user.
pub fn is_of_another_user(error: &anyhow::Error) -> bool {
    error.to_string().contains("dubious ownership")
}

/// Runs the command and returns its output, whatever its status.
pub fn output(git: &mut Command) -> anyhow::Result<Output> {
    git.output().context("cannot start git; install it")
}

/// The message for a command that failed: the subcommand and its standard error.
fn failure(git: &Command, output: &Output) -> String {
    let words: Vec<_> = git.get_args().map(|word| word.to_string_lossy()).collect();
    // The folder and the settings come first.
    let own = 2 + 2 * SETTINGS.len();
    let shown = words.get(own..).unwrap_or_default().join(" ");
    let error = String::from_utf8_lossy(&output.stderr);
    format!("git {shown}: {}", error.trim())
}

#[cfg(test)]
mod tests {
    use super::{git, is_of_another_user, optional, text};

    #[test]
    fn other_users_repositories_are_told_apart() -> anyhow::Result<()> {
        let folder = crate::paths::fresh("repository-of-another-user")?;
        text(&mut git(&folder, &["init", "--quiet"]))?;
        let mut asked = git(&folder, &["rev-parse", "--show-toplevel"]);
        // A variable of git's own tests. The user's settings may trust all folders.
        asked.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
        for settings in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
            asked.env(settings, "/dev/null");
        }
        let refused = text(&mut asked).err();
        assert!(
            refused.as_ref().is_some_and(is_of_another_user),
            "{refused:?}"
        );
        let missing = text(&mut git(&folder, &["rev-parse", "--verify", "HEAD"])).err();
        assert!(missing.is_some_and(|error| !is_of_another_user(&error)));
        Ok(())
    }

    #[test]
    fn failures_name_the_subcommand() {
        let folder = std::env::temp_dir();
        let error = text(&mut git(&folder, &["no-such-command"]));
        let error = error.err().map(|error| error.to_string());
        assert!(
            error.is_some_and(|error| error.starts_with("git no-such-command: ")),
            "expected the subcommand first"
        );
    }

    #[test]
    fn missing_objects_are_none() -> anyhow::Result<()> {
        let root = crate::paths::root();
        let missing = ["rev-parse", "--verify", "--quiet", "no-such-name"];
        // Outside of a repository, such as in a downloaded archive, git fails.
        if let Ok(found) = optional(&mut git(root, &missing)) {
            assert_eq!(found, None);
        }
        Ok(())
    }
}

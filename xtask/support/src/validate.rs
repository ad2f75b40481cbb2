//! Runs validators of files.
//!
//! Each validator must also reject a file with a mistake, so that a validator that checks nothing does not pass.

use std::{fs, path::Path, process::Command};

use anyhow::{bail, ensure};

use crate::{Cases, command};

/// Runs a validator on `files`, after it has rejected a copy with a mistake.
///
/// The copy is of the first of `files`; `mistake` is a text and its replacement.
pub fn validate(
    cases: &mut Cases,
    what: &str,
    folder: &Path,
    files: &[&str],
    mistake: (&str, &str),
    validator: impl Fn() -> anyhow::Result<Command>,
) {
    if let Err(error) = validator() {
        return cases.not_run(what, &format!("{error:#}"));
    }
    cases.check(what, || {
        let wrong = folder.join("wrong.yml");
        let text = fs::read_to_string(folder.join(files[0]))?;
        let (right, mistaken) = mistake;
        ensure!(text.contains(right), "{} has no {right:?}", files[0]);
        fs::write(&wrong, text.replacen(right, mistaken, 1))?;
        let found = command::run_quietly(validator()?.arg(&wrong));
        fs::remove_file(&wrong)?;
        if found.is_ok() {
            bail!("the validator also accepts {mistaken:?} for {right:?}");
        }
        let files = files.iter().map(|file| folder.join(file));
        command::run_quietly(validator()?.args(files)).map(drop)
    });
}

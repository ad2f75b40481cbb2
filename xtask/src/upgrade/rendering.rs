//! The files that a template renders from the answers of a service.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use e2e::generate;
use support::{command, tools};
use toml::{Table, Value};

use super::{
    library_source::LibrarySource,
    scratch::Scratch,
    service_record::{FILE, Record},
};
use crate::refusal::Refusal;

/// Rendered files and the record among them.
#[derive(Debug)]
pub(super) struct Rendering {
    pub(super) folder: PathBuf,
    pub(super) record: Record,
}

/// Renders the template in the folder `template`.
///
/// `commit` is recorded as its commit.
///
/// # Errors
///
/// A [`Refusal`] if the template does not accept an answer.
pub(super) fn render(
    scratch: &Scratch,
    template: &Path,
    name: &str,
    answers: &Table,
    commit: &str,
) -> anyhow::Result<Rendering> {
    let destination = scratch.folder("rendered")?;
    let values = scratch.fresh("values");
    let table = Table::from_iter([("values".to_owned(), Value::Table(answers.clone()))]);
    fs::write(&values, toml::to_string(&table)?)?;

    let mut generate = Command::new(tools::cargo_generate()?);
    generate
        .args(["generate", "--silent", "--path"])
        .arg(template);
    generate
        .args(["--name", name, "--destination"])
        .arg(&destination);
    generate.arg("--template-values-file").arg(&values);
    generate.args(["--define", &format!("template_commit={commit}")]);
    generate.args(generate::throwaway());
    generate
        .env_remove("RUST_BACKTRACE")
        .envs([generate::AUTHOR]);
    for (variable, _) in std::env::vars_os() {
        // Such variables are answers, too, and would replace the recorded ones.
        if variable.to_string_lossy().starts_with("CARGO_GENERATE_") {
            generate.env_remove(variable);
        }
    }
    command::run_quietly(&mut generate).map_err(|error| {
        match Refusal::read(&format!("{error:#}")) {
            Some(refusal) => refusal.into(),
            None => error,
        }
    })?;

    let folder = destination.join(name);
    let record = fs::read_to_string(folder.join(FILE)).context("the template writes no record")?;
    let record = Record::parse(&record).context("the rendered record")?;
    Ok(Rendering { folder, record })
}

impl Rendering {
    /// Writes the service's own source of the library into the manifest.
    pub(super) fn keep_source(&self, source: Option<&LibrarySource>) -> anyhow::Result<()> {
        let Some(source) = source else { return Ok(()) };
        let manifest = self.folder.join("Cargo.toml");
        let rendered =
            fs::read_to_string(&manifest).context("the template writes no Cargo.toml")?;
        fs::write(&manifest, source.write(&rendered))?;
        Ok(())
    }
}

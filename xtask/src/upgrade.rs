//! `cargo xtask upgrade`: brings what has changed in the template into services.
//!
//! The template is rendered twice with the recorded answers: as it was when the service was generated or last upgraded,
//! and as it is in this checkout. Git merges the difference into the service, on a new branch.

mod dialog;
mod library_source;
mod new_answers;
mod origin;
mod placeholders;
mod rendering;
mod scratch;
mod service_record;
mod service_repository;
mod template_changes;
mod template_history;
mod three_way;
mod upgrade_outcome;
mod way_back;

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use e2e::generate;
use support::{files, paths, ui};
use toml::{Table, Value};

use self::{
    dialog::Dialog,
    library_source::{LOCAL, LibrarySource},
    new_answers::NewAnswers,
    origin::Inputs,
    rendering::{Rendering, render},
    scratch::Scratch,
    service_record::{FILE, Record, short, with_changed_commit},
    service_repository::ServiceRepository,
    template_history::TemplateHistory,
    upgrade_outcome::{End, Outcome},
    way_back::WayBack,
};
use crate::refusal::Refusal;
pub(crate) use template_history::commit_of;

/// Arguments of `upgrade`.
#[derive(Debug, Args)]
pub(crate) struct UpgradeArgs {
    /// The folders of the services.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Answer new questions by their defaults, and do not ask.
    ///
    /// This is always so if the input or the output is no terminal.
    #[arg(long)]
    defaults: bool,
    /// Answer a new question, or change an answer; may be repeated.
    #[arg(long = "answer", value_name = "NAME=VALUE", value_parser = parse_answer)]
    answers: Vec<(String, String)>,
    /// The commit of the services' template, in place of the recorded one.
    #[arg(long, value_name = "COMMIT")]
    from: Option<String>,
    /// Another checkout of firstlight with the new template, for tests.
    #[arg(long, value_name = "DIR", hide = true)]
    checkout: Option<PathBuf>,
}

fn parse_answer(typed: &str) -> Result<(String, String), String> {
    let answer = typed.split_once('=');
    let answer = answer.map(|(name, value)| (name.to_owned(), value.to_owned()));
    answer.ok_or_else(|| "expected NAME=VALUE, such as ci=gitlab".to_owned())
}

/// What all services of a run share.
struct Run<'a> {
    history: TemplateHistory<'a>,
    scratch: &'a Scratch,
    answers: NewAnswers<'a>,
    from: Option<&'a str>,
}

pub(crate) fn run(args: &UpgradeArgs) -> anyhow::Result<ExitCode> {
    let scratch = Scratch::new()?;
    let root = args.checkout.as_deref().unwrap_or(paths::root());
    let history = TemplateHistory::open(root, &scratch)?;
    if history.is_changed()? {
        ui::line(ui::loud(
            "template/ has changes that are not committed, and they are left out. Commit them to upgrade services to them.",
        ));
    }
    let config = history.file(&history.head, "template/cargo-generate.toml")?;
    let questions = generate::questions_in(&config)?;
    let given: BTreeMap<_, _> = args.answers.iter().cloned().collect();
    let (mut input, mut output) = (io::stdin().lock(), io::stdout());
    // A question in a pipe is not seen.
    let is_asking = !args.defaults && io::stdin().is_terminal() && ui::is_terminal();
    let dialog = is_asking.then(|| Dialog::new(&mut input, &mut output));
    let mut run = Run {
        answers: NewAnswers::new(&questions, &given, dialog)?,
        from: args.from.as_deref(),
        history,
        scratch: &scratch,
    };

    let mut outcomes = Vec::new();
    let mut changes = BTreeMap::new();
    for path in &args.paths {
        ui::heading(&path.display().to_string());
        let outcome = run.upgrade(path, &mut changes);
        outcome.print();
        outcomes.push(outcome);
    }
    if outcomes.len() > 1 {
        upgrade_outcome::table(&outcomes);
    }
    let head = &run.history.head;
    for (from, entries) in changes {
        if run.history.tree(&from)? == run.history.tree(head)? {
            continue;
        }
        ui::heading(&format!("Changes of the template since {}", short(&from)));
        for entry in entries {
            ui::line(format!("  - {entry}"));
        }
        let diff = format!(
            "  All of them, in the checkout of firstlight: git diff {} {} -- template",
            short(&from),
            short(head)
        );
        ui::line(ui::quiet(diff));
    }
    Ok(match outcomes.iter().all(Outcome::is_clean) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Entries of the changelog by the commit since which they are new.
type Changes = BTreeMap<String, Vec<String>>;

impl Run<'_> {
    /// Upgrades one service.
    fn upgrade(&mut self, path: &Path, changes: &mut Changes) -> Outcome {
        let mut outcome = Outcome {
            path: path.to_owned(),
            from: String::new(),
            to: short(&self.history.head).to_owned(),
            end: End::UpToDate,
        };
        outcome.end = match self.try_upgrade(path, changes, &mut outcome) {
            Ok(end) => end,
            Err(error) => End::Refused(format!("{error:#}")),
        };
        outcome
    }

    fn try_upgrade(
        &mut self,
        path: &Path,
        changes: &mut Changes,
        outcome: &mut Outcome,
    ) -> anyhow::Result<End> {
        let repository = ServiceRepository::open(path)?;
        let mut record = repository.record()?;
        outcome.from = record.shown();
        repository.check_clean()?;
        let manifest = repository.committed("Cargo.toml")?;
        let manifest = manifest.context("it has no Cargo.toml in its last commit")?;
        let name = match &record.name {
            Some(name) => name.clone(),
            None => package_name(&manifest)?,
        };
        let source = LibrarySource::read(&manifest);
        // Answers that were edited by hand have not changed any other file.
        let written = repository.written_record()?;
        let written = written.map_or_else(|| record.answers.clone(), |written| written.answers);
        let old_answers = with_local_source(&written);
        let inputs = Inputs {
            version: &record.version,
            name: &name,
            answers: &old_answers,
            source: source.as_ref(),
        };
        let from = self.origin(&repository, &record, inputs)?;
        record.commit = Some(from.clone());
        outcome.from = record.shown();

        let template = self.history.extract(&from)?;
        let old = render(self.scratch, &template, &name, &old_answers, "");
        let old = old.map_err(|error| {
            let from = short(&from);
            let what = match error.is::<Refusal>() {
                true => format!("the template of {from} does not accept {FILE}"),
                false => format!("cannot render the template of {from}"),
            };
            error.context(what)
        })?;
        let new = self.new_rendering(&repository, &name, &record, source.as_ref())?;
        outcome.to = new.record.shown();
        for rendering in [&old, &new] {
            rendering.keep_source(source.as_ref())?;
        }
        if is_same(&old, &new)? && record.answers == new.record.answers {
            return Ok(End::UpToDate);
        }

        // Both sides of the merge have the service's record, so that the new one replaces it.
        let own_record = repository.committed(FILE)?.unwrap_or_default();
        std::fs::write(old.folder.join(FILE), &own_record)?;
        let new_record = std::fs::read_to_string(new.folder.join(FILE))?;
        let new_record = with_changed_commit(&new_record, &own_record);
        std::fs::write(new.folder.join(FILE), new_record)?;
        let entries = template_changes::between(&self.history, &from, &self.history.head)?;
        let message = message(&name, &record, &new.record, &entries);
        let back = WayBack::read(&repository, branch(&repository, &name, &new.record)?)?;
        let old = repository.store(&old.folder, self.scratch)?;
        let new = repository.store(&new.folder, self.scratch)?;
        let merged = three_way::merge(&repository, self.scratch, &old, &new, &message)?;
        merged.check_out(&repository, &back, &message)?;
        changes.insert(from, entries);
        Ok(End::Branch { back, merged })
    }

    /// The commit of the template that the service has.
    fn origin(
        &self,
        repository: &ServiceRepository,
        record: &Record,
        inputs: Inputs<'_>,
    ) -> anyhow::Result<String> {
        let from = match (self.from, &record.commit) {
            (Some(from), _) => self.history.resolve(from)?,
            (None, Some(recorded)) => self.history.resolve(recorded)?,
            (None, None) => origin::find(&self.history, repository, self.scratch, inputs)?,
        };
        ensure!(
            !self.history.is_ahead(&from)?,
            "it has the template of {}, which is newer than that of this checkout: git pull there",
            short(&from)
        );
        Ok(from)
    }

    /// The rendering of this checkout's template.
    fn new_rendering(
        &mut self,
        repository: &ServiceRepository,
        name: &str,
        record: &Record,
        source: Option<&LibrarySource>,
    ) -> anyhow::Result<Rendering> {
        let head = self.history.head.clone();
        let template = self.history.extract(&head)?;
        let mut recorded = record.answers.clone();
        if let Some(source) = source {
            let answer = Value::String(source.answer.clone());
            recorded.insert("firstlight".to_owned(), answer);
        }
        let scratch = self.scratch;
        // With a new answer the service is not up to date, so it needs a branch.
        let check = |new: &Record| branch(repository, name, new).map(drop);
        self.answers.complete(&recorded, check, |answers| {
            render(scratch, &template, name, answers, &head)
        })
    }
}

/// The answers with a path in place of `auto`, which is recorded for each path.
fn with_local_source(answers: &Table) -> Table {
    let mut answers = answers.clone();
    if let Some(source) = answers.get_mut("firstlight")
        && source.as_str() == Some("auto")
    {
        *source = Value::String(LOCAL.to_owned());
    }
    answers
}

/// Whether both renderings have the same files, apart from the record.
fn is_same(old: &Rendering, new: &Rendering) -> anyhow::Result<bool> {
    let [old, new] = [old, new].map(|rendering| {
        let mut files = files::read(&rendering.folder)?;
        files.remove(FILE);
        anyhow::Ok(files)
    });
    Ok(old? == new?)
}

/// The name of a package.
fn package_name(manifest: &str) -> anyhow::Result<String> {
    let manifest: Table = toml::from_str(manifest).context("Cargo.toml is not valid TOML")?;
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"));
    let name = name
        .and_then(Value::as_str)
        .context("Cargo.toml has no package.name")?;
    Ok(name.to_owned())
}

/// The message of the commit in the service.
fn message(name: &str, old: &Record, new: &Record, entries: &[String]) -> String {
    let mut message = format!(
        "Upgrade {name} to firstlight's template {}\n\nThe template was {} before.\n",
        new.shown(),
        old.shown()
    );
    for entry in entries {
        message += &format!("\n- {entry}\n");
    }
    message
}

/// The name of the new branch, with a number if there is a merged one.
fn branch(repository: &ServiceRepository, name: &str, new: &Record) -> anyhow::Result<String> {
    let commit = new.commit.as_deref().map(short).unwrap_or_default();
    // A repository may have several services.
    let service = match repository.is_root() {
        true => String::new(),
        false => format!("-{name}"),
    };
    let first = format!("firstlight-{}-{commit}{service}", new.version);
    let (mut branch, mut number) = (first.clone(), 1);
    while repository.has_branch(&branch)? && repository.is_merged(&branch)? {
        number += 1;
        branch = format!("{first}-{number}");
    }
    ensure!(
        !repository.has_branch(&branch)?,
        "it has the branch {branch} already. Merge it, or delete it: git branch --delete --force {branch}"
    );
    Ok(branch)
}

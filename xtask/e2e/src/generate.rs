//! Generates services from the template with cargo-generate.
//!
//! The services use the library of this checkout.

mod question;
#[cfg(test)]
mod written;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use support::{command, paths, tools};

use self::question::NONE;
pub use self::question::{QUESTIONS, Question, Variant, questions_in};

/// A service to generate.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    /// The name of the service, of its folder and of its package.
    pub name: &'a str,
    /// The folder in which the service's folder is created.
    pub destination: &'a Path,
    /// The answers to the template's questions.
    pub answers: Answers,
    /// Further arguments of cargo-generate.
    pub extra: &'a [String],
}

/// Answers to the template's questions, by option.
///
/// An option without an answer has the template's default. The option `firstlight`, the source of
/// the library, needs no answer, because [`Service`] sets it to this checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<String, String>);

impl Answers {
    /// Answers `false`, `none` or the first choice to every question with choices.
    ///
    /// Questions without choices have no answer.
    pub fn least() -> Self {
        QUESTIONS.iter().fold(Self::default(), |answers, question| {
            if question.is_bool() {
                answers.with(&question.name, "false")
            } else if question.has_none() {
                answers.with(&question.name, NONE)
            } else if let Some(first) = question.choices.first() {
                answers.with(&question.name, first)
            } else {
                answers
            }
        })
    }

    /// Answers each question with choices with the last one that is not `none`.
    ///
    /// For a question with `false` and `true`, that is `true`.
    pub fn most() -> Self {
        QUESTIONS.iter().fold(Self::default(), |answers, question| {
            let mut choices = question.choices.iter().rev();
            match choices.find(|choice| *choice != NONE) {
                Some(choice) => answers.with(&question.name, choice),
                None => answers,
            }
        })
    }

    /// Adds or replaces an answer.
    #[must_use]
    pub fn with(mut self, option: &str, answer: &str) -> Self {
        self.0.insert(option.to_owned(), answer.to_owned());
        self
    }

    /// The answer for `option`; empty if there is none.
    pub fn get(&self, option: &str) -> &str {
        self.0.get(option).map_or("", String::as_str)
    }

    /// Whether the answer for `option` is `true`.
    pub fn has(&self, option: &str) -> bool {
        self.get(option) == "true"
    }

    /// The arguments `NAME=VALUE` of `--define`.
    ///
    /// # Errors
    ///
    /// If the template does not know an option or an answer. The message lists those that it knows.
    fn definitions(&self) -> anyhow::Result<Vec<String>> {
        for (option, answer) in &self.0 {
            let question = QUESTIONS.iter().find(|question| question.name == *option);
            let question = question.with_context(|| {
                let names: Vec<_> = QUESTIONS.iter().map(|question| &question.name).collect();
                format!("the template has no option {option:?}; expected one of {names:?}")
            })?;
            ensure!(
                question.accepts(answer),
                "{option}={answer:?}: expected one of {:?}",
                question.choices
            );
        }
        let define = |(option, answer)| format!("{option}={answer}");
        Ok(self.0.iter().map(define).collect())
    }
}

/// The accepted answers for `option`.
pub fn choices(option: &str) -> &'static [String] {
    let question = QUESTIONS.iter().find(|question| question.name == option);
    question.map_or(&[], |question| &question.choices)
}

impl Service<'_> {
    /// The command of cargo-generate with all answers.
    pub fn command(&self) -> anyhow::Result<Command> {
        self.command_for(&paths::template())
    }

    /// The command for another template.
    pub fn command_for(&self, template: &Path) -> anyhow::Result<Command> {
        let mut generate = Command::new(tools::cargo_generate()?);
        generate
            .args(["generate", "--silent", "--path"])
            .arg(template);
        generate
            .args(["--name", self.name, "--destination"])
            .arg(self.destination);
        let library = format!("firstlight={}", paths::library().display());
        generate.args(["--define", &library]);
        for definition in self.answers.definitions()? {
            generate.args(["--define", &definition]);
        }
        generate.args(self.extra);
        // A backtrace of cargo-generate would hide the template's error message.
        generate.env_remove("RUST_BACKTRACE").envs([AUTHOR]);
        Ok(generate)
    }

    /// Generates the service and returns its folder.
    pub fn generate(&self) -> anyhow::Result<PathBuf> {
        command::run(&format!("generate {}", self.name), &mut self.command()?)?;
        Ok(self.destination.join(self.name))
    }
}

/// The author, as an environment variable of cargo-generate.
///
/// The template does not use it, but cargo-generate fails without one.
pub const AUTHOR: (&str, &str) = ("CARGO_NAME", "firstlight");

/// Arguments for services below `target/`: no repository and no workspace.
pub fn throwaway() -> Vec<String> {
    ["--vcs", "none", "--no-workspace"]
        .map(str::to_owned)
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::Answers;

    fn error_of(answers: &Answers) -> String {
        let checked = answers.definitions().map_err(|error| error.to_string());
        checked.err().unwrap_or_default()
    }

    #[test]
    fn unknown_options_are_rejected() {
        let error = error_of(&Answers::least().with("stroe", "sqlite"));
        assert!(error.contains("no option \"stroe\""), "{error}");
        assert!(error.contains("\"store\""), "{error}");
    }

    #[test]
    fn unknown_answers_are_rejected() {
        let error = error_of(&Answers::least().with("store", "mysql"));
        assert!(
            error.starts_with("store=\"mysql\": expected one of"),
            "{error}"
        );
    }

    #[test]
    fn least_and_most_answer_every_choice() {
        for (answers, store) in [(Answers::least(), "none"), (Answers::most(), "postgres")] {
            assert_eq!(error_of(&answers), "");
            assert_eq!(answers.get("store"), store);
        }
        assert!(Answers::most().has("worker"));
    }
}

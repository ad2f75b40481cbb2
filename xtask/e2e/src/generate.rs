//! Renders the template with cargo-generate, always against this checkout's library.

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
pub use self::question::{QUESTIONS, Question};

/// One service to be made from the template.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    /// The name, which is also that of its folder and its package.
    pub name: &'a str,
    /// The folder in which the service's own folder appears.
    pub destination: &'a Path,
    /// The answers to the template's questions.
    pub answers: Answers,
    /// Handed to cargo-generate as they are.
    pub extra: &'a [String],
}

/// Answers to the template's questions, by option. An option without an answer has the template's default.
///
/// Where the library comes from is not among them: it is always this checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<String, String>);

impl Answers {
    /// `false` and `none` to every question that takes them.
    pub fn least() -> Self {
        QUESTIONS.iter().fold(Self::default(), |answers, question| {
            if question.is_bool() {
                answers.with(&question.name, "false")
            } else if question.has_none() {
                answers.with(&question.name, NONE)
            } else {
                answers
            }
        })
    }

    /// `true`, or the last choice but `none`, to every question that has choices.
    pub fn most() -> Self {
        QUESTIONS.iter().fold(Self::default(), |answers, question| {
            let mut choices = question.choices.iter().rev();
            match choices.find(|choice| *choice != NONE) {
                Some(choice) => answers.with(&question.name, choice),
                None => answers,
            }
        })
    }

    /// The same with this answer.
    #[must_use]
    pub fn with(mut self, option: &str, answer: &str) -> Self {
        self.0.insert(option.to_owned(), answer.to_owned());
        self
    }

    /// The answer to `option`, or an empty text if there is none.
    pub fn get(&self, option: &str) -> &str {
        self.0.get(option).map_or("", String::as_str)
    }

    /// Whether the answer to `option` is `true`.
    pub fn has(&self, option: &str) -> bool {
        self.get(option) == "true"
    }

    /// The arguments `NAME=VALUE` of `--define`.
    ///
    /// # Errors
    ///
    /// Names an option or an answer that the template does not know, and those that it knows.
    fn definitions(&self) -> anyhow::Result<Vec<String>> {
        for (option, answer) in &self.0 {
            let question = QUESTIONS.iter().find(|question| question.name == *option);
            let question = question.with_context(|| {
                let names: Vec<_> = QUESTIONS.iter().map(|question| &question.name).collect();
                format!("the template has no option {option:?}; expected one of {names:?}")
            })?;
            ensure!(
                question.choices.is_empty() || question.choices.contains(answer),
                "{option}={answer:?}: expected one of {:?}",
                question.choices
            );
        }
        let define = |(option, answer)| format!("{option}={answer}");
        Ok(self.0.iter().map(define).collect())
    }
}

/// The accepted answers to `option`.
pub fn choices(option: &str) -> &'static [String] {
    let question = QUESTIONS.iter().find(|question| question.name == option);
    question.map_or(&[], |question| &question.choices)
}

impl Service<'_> {
    /// The command, with every question answered.
    pub fn command(&self) -> anyhow::Result<Command> {
        self.command_for(&paths::template())
    }

    /// The same for a template elsewhere.
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
        // A refusal of the template's says what to do; a backtrace of cargo-generate's would bury it.
        generate.env_remove("RUST_BACKTRACE");
        Ok(generate)
    }

    /// Makes the service, and returns its folder.
    pub fn generate(&self) -> anyhow::Result<PathBuf> {
        command::run(&format!("generate {}", self.name), &mut self.command()?)?;
        Ok(self.destination.join(self.name))
    }
}

/// For services that live below `target/`: no repository of their own, no trace in a workspace.
pub fn throwaway() -> Vec<String> {
    ["--vcs", "none", "--no-workspace"]
        .map(str::to_owned)
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::Answers;

    fn refusal(answers: &Answers) -> String {
        let refused = answers.definitions().map_err(|error| error.to_string());
        refused.err().unwrap_or_default()
    }

    #[test]
    fn unknown_options_are_refused() {
        let refusal = refusal(&Answers::least().with("stroe", "sqlite"));
        assert!(refusal.contains("no option \"stroe\""), "{refusal}");
        assert!(refusal.contains("\"store\""), "{refusal}");
    }

    #[test]
    fn unknown_answers_are_refused() {
        let refusal = refusal(&Answers::least().with("store", "mysql"));
        assert!(
            refusal.starts_with("store=\"mysql\": expected one of"),
            "{refusal}"
        );
    }

    #[test]
    fn least_and_most_answer_every_choice() {
        for (answers, store) in [(Answers::least(), "none"), (Answers::most(), "postgres")] {
            assert_eq!(refusal(&answers), "");
            assert_eq!(answers.get("store"), store);
        }
        assert!(Answers::most().has("worker"));
    }
}

//! The answers for the new template: recorded, given and typed ones.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{anyhow, bail, ensure};
use e2e::generate::Question;
use support::ui;
use toml::{Table, Value};

use super::{
    dialog::Dialog,
    rendering::Rendering,
    service_record::{Record, text_of},
};
use crate::{answer_effect, refusal::Refusal};

/// How questions are answered that the record does not answer.
pub(super) struct NewAnswers<'a> {
    /// The questions of the new template.
    questions: &'a [Question],
    /// The answers of `--answer`.
    given: &'a BTreeMap<String, String>,
    /// Where the questions are asked; `None` if they are answered by their defaults.
    dialog: Option<Dialog<'a>>,
    /// The accepted answers for earlier services, by question and default.
    ///
    /// The default tells the forms of a question apart, such as those for `compose` and for `kubernetes`.
    asked: BTreeMap<(String, String), String>,
}

impl<'a> NewAnswers<'a> {
    pub(super) fn new(
        questions: &'a [Question],
        given: &'a BTreeMap<String, String>,
        dialog: Option<Dialog<'a>>,
    ) -> anyhow::Result<Self> {
        for (name, answer) in given {
            let Some(question) = questions.iter().find(|question| question.name == *name) else {
                let names: Vec<_> = questions.iter().map(|question| &*question.name).collect();
                bail!(
                    "--answer {name}={answer}: the template has no such question, expected one of {}",
                    names.join(", ")
                );
            };
            ensure!(
                question.accepts(answer),
                "--answer {name}={answer}: expected one of {}",
                question.choices.join(", ")
            );
            ensure!(
                name != "firstlight",
                "--answer {name}={answer}: Cargo.toml has the source of firstlight, so change it there"
            );
        }
        Ok(Self {
            questions,
            given,
            dialog,
            asked: BTreeMap::new(),
        })
    }

    /// Renders the new template with `recorded` and further answers.
    ///
    /// `check` is called with the record before the first question.
    ///
    /// # Errors
    ///
    /// If `check` fails, or if the template refuses an answer that was not typed, or cannot be rendered.
    pub(super) fn complete(
        &mut self,
        recorded: &Table,
        check: impl FnOnce(&Record) -> anyhow::Result<()>,
        mut render: impl FnMut(&Table) -> anyhow::Result<Rendering>,
    ) -> anyhow::Result<Rendering> {
        let mut answers = self.kept(recorded);
        let mut rendering = render(&answers).map_err(advised)?;
        let mut confirmed = BTreeSet::new();
        if self.open(&rendering, &answers, &confirmed).is_some() {
            check(&rendering.record)?;
        }
        // The record of a rendering has each question that its answers lead to.
        while let Some((question, default)) = self.open(&rendering, &answers, &confirmed) {
            let answer = self.answer(question, &default)?;
            if answer == default {
                self.remember(question, &default, &answer);
                confirmed.insert((question.name.clone(), default));
                continue;
            }
            let mut more = answers.clone();
            more.insert(question.name.clone(), value(question, &answer));
            match render(&more) {
                Ok(next) => {
                    self.remember(question, &default, &answer);
                    (answers, rendering) = (more, next);
                }
                Err(error) => self.refused(question, &default, error)?,
            }
        }
        let given = |name: &str| self.given.get(name).map(String::as_str);
        let recorded = |name: &str| rendering.record.answers.get(name).map(text_of);
        let option = |name: &str, answer: &str| format!("--answer {name}={answer}");
        answer_effect::check(self.questions, given, recorded, option)?;
        Ok(rendering)
    }

    /// The first question without an answer, and its default for this service.
    fn open(
        &self,
        rendering: &Rendering,
        answers: &Table,
        confirmed: &BTreeSet<(String, String)>,
    ) -> Option<(&'a Question, String)> {
        let unanswered = self.questions.iter();
        let unanswered = unanswered.filter(|question| !answers.contains_key(&question.name));
        let mut open = unanswered.filter_map(|question| {
            let default = text_of(rendering.record.answers.get(&question.name)?);
            Some((question, default))
        });
        open.find(|(question, default)| {
            !confirmed.contains(&(question.name.clone(), default.clone()))
        })
    }

    /// The recorded answers that are still valid, with those of `--answer`.
    fn kept(&self, recorded: &Table) -> Table {
        let mut kept = Table::new();
        for (name, answer) in recorded {
            let text = text_of(answer);
            match self.question(name) {
                None => ui::line(format!(
                    "  The answer {name} = {text:?} is dropped, because the template no longer asks for it."
                )),
                Some(question) if !question.accepts(&text) => ui::line(format!(
                    "  The answer {name} = {text:?} is no longer valid, expected one of {}.",
                    question.choices.join(", ")
                )),
                Some(_) => {
                    kept.insert(name.clone(), answer.clone());
                }
            }
        }
        for (name, answer) in self.given {
            if let Some(question) = self.question(name) {
                kept.insert(name.clone(), value(question, answer));
            }
        }
        kept
    }

    /// Takes the answer of an earlier service, or asks for it.
    ///
    /// Without a terminal it takes the default, and says so.
    fn answer(&mut self, question: &Question, default: &str) -> anyhow::Result<String> {
        let name = &question.name;
        let asked = self.asked.get(&(name.clone(), default.to_owned()));
        match (asked, &mut self.dialog) {
            (Some(answer), _) => {
                ui::line(format!("  {name} = {answer:?}, as answered before."));
                Ok(answer.clone())
            }
            (None, Some(dialog)) => dialog.ask(question, default),
            (None, None) => {
                ui::line(format!(
                    "  New question: {} {name} = {default:?} is the default; --answer {name}=... sets another.",
                    question.prompt(default)
                ));
                Ok(default.to_owned())
            }
        }
    }

    /// Keeps an accepted answer for the services that follow.
    fn remember(&mut self, question: &Question, default: &str, answer: &str) {
        // A default that was not confirmed is printed for each service.
        if self.dialog.is_some() {
            let key = (question.name.clone(), default.to_owned());
            self.asked.insert(key, answer.to_owned());
        }
    }

    /// Says why the template refuses a typed answer, so that it is asked for again.
    fn refused(
        &mut self,
        question: &Question,
        default: &str,
        error: anyhow::Error,
    ) -> anyhow::Result<()> {
        match (error.downcast_ref::<Refusal>(), &mut self.dialog) {
            (Some(refusal), Some(dialog)) => dialog.say(&refusal.to_string())?,
            _ => return Err(advised(error)),
        }
        // The answer of an earlier service may contradict the answers of this one.
        let key = (question.name.clone(), default.to_owned());
        self.asked.remove(&key);
        Ok(())
    }

    fn question(&self, name: &str) -> Option<&'a Question> {
        self.questions.iter().find(|question| question.name == name)
    }
}

fn value(question: &Question, answer: &str) -> Value {
    match answer {
        "true" if question.is_bool() => Value::Boolean(true),
        "false" if question.is_bool() => Value::Boolean(false),
        text => Value::String(text.to_owned()),
    }
}

/// The error with the option of `upgrade` that sets a refused answer.
fn advised(error: anyhow::Error) -> anyhow::Error {
    let advice = |refusal: &Refusal| refusal.advised(|name| format!("--answer {name}=..."));
    match error.downcast_ref().map(advice) {
        Some(advice) => anyhow!("the template refuses the answers: {advice}"),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use anyhow::Context as _;
    use e2e::generate::{Question, questions_in};
    use toml::{Table, Value};

    use super::{super::service_record::Record, Dialog, NewAnswers, Rendering};
    use crate::refusal::Refusal;

    const CONFIG: &str = r#"
        [placeholders.worker]
        type = "bool"
        prompt = "A worker?"
        default = false
        [placeholders.store]
        type = "string"
        choices = ["none", "sqlite"]
        [conditional.'deploy == "compose"'.placeholders.grafana]
        prompt = "Grafana of this machine?"
        default = "http://localhost"
        [conditional.'deploy == "kubernetes"'.placeholders.grafana]
        prompt = "Grafana of the cluster?"
        default = "https://example.com"
    "#;

    fn questions() -> anyhow::Result<Vec<Question>> {
        questions_in(CONFIG)
    }

    /// Renders as a template of [`CONFIG`] would, whose hook wants an address.
    fn render(answers: &Table) -> anyhow::Result<Rendering> {
        let mut recorded = answers.clone();
        let deploy = answers.get("deploy").and_then(Value::as_str);
        let grafana = match deploy.context("no deploy")? {
            "compose" => "http://localhost",
            _ => "https://example.com",
        };
        let grafana = recorded.entry("grafana").or_insert(grafana.into());
        if !grafana.as_str().is_some_and(|text| text.contains("://")) {
            let hook = "Runtime error: no address.\n  Set it with --define grafana=...";
            return Err(Refusal::read(hook).context("no refusal")?.into());
        }
        recorded.entry("worker").or_insert(false.into());
        let record = Record {
            version: "0.1.0".to_owned(),
            commit: None,
            name: None,
            answers: recorded,
        };
        Ok(Rendering {
            folder: PathBuf::new(),
            record,
        })
    }

    /// Answers the questions for services with these deployments.
    ///
    /// Returns each one's answers to `grafana` and `worker`, and what the terminal showed.
    fn answered(
        deployments: &[&str],
        typed: Option<&str>,
    ) -> anyhow::Result<(Vec<String>, String)> {
        let (questions, given) = (questions()?, BTreeMap::new());
        let mut input = typed.unwrap_or_default().as_bytes();
        let mut output = Vec::new();
        let mut found = Vec::new();
        let dialog = typed.map(|_| Dialog::new(&mut input, &mut output));
        // `deploy` is a question of another template, whose answer would be dropped.
        let mut answers = NewAnswers::new(&questions, &given, dialog)?;
        for deploy in deployments {
            let rendering = answers.complete(
                &Table::new(),
                |_| Ok(()),
                |answers| {
                    let mut answers = answers.clone();
                    answers.insert("deploy".to_owned(), (*deploy).into());
                    render(&answers)
                },
            )?;
            let answers = rendering.record.answers;
            found.push(format!("{} {}", answers["grafana"], answers["worker"]));
        }
        drop(answers);
        assert!(input.is_empty(), "not read: {input:?}");
        Ok((found, String::from_utf8(output)?))
    }

    #[test]
    fn defaults_are_those_of_each_service() -> anyhow::Result<()> {
        let expected = [
            "\"http://localhost\" false",
            "\"https://example.com\" false",
        ];
        for (typed, shown) in [(None, 0), (Some("\n\n\n"), 3)] {
            let (found, output) = answered(&["compose", "kubernetes"], typed)?;
            assert_eq!(found, expected);
            assert_eq!(output.matches("default").count(), shown, "{output}");
        }
        Ok(())
    }

    #[test]
    fn each_form_is_asked_once() -> anyhow::Result<()> {
        let deployments = ["compose", "kubernetes", "compose", "kubernetes"];
        let typed = "true\nhttp://a\nhttps://b\n";
        let (found, output) = answered(&deployments, Some(typed))?;
        let (compose, kubernetes) = ("\"http://a\" true", "\"https://b\" true");
        assert_eq!(found, [compose, kubernetes, compose, kubernetes]);
        let places: Vec<_> = ["A worker?", "this machine?", "the cluster?"]
            .map(|prompt| {
                output
                    .match_indices(prompt)
                    .map(|(at, _)| at)
                    .collect::<Vec<_>>()
            })
            .concat();
        assert!(places.len() == 3 && places.is_sorted(), "{output}");
        Ok(())
    }

    #[test]
    fn refused_answers_are_asked_again() -> anyhow::Result<()> {
        let typed = "\nnowhere\nhttp://a\n";
        let (found, output) = answered(&["compose", "compose"], Some(typed))?;
        assert_eq!(found, ["\"http://a\" false"; 2]);
        assert_eq!(output.matches("no address.").count(), 1, "{output}");
        assert!(!output.contains("Set it with"), "{output}");
        Ok(())
    }

    #[test]
    fn refused_records_name_the_option() -> anyhow::Result<()> {
        let (questions, given) = (questions()?, BTreeMap::new());
        let mut answers = NewAnswers::new(&questions, &given, None)?;
        let recorded: Table = toml::from_str("grafana = \"nowhere\"")?;
        let refused = answers.complete(
            &recorded,
            |_| Ok(()),
            |answers| {
                let mut answers = answers.clone();
                answers.insert("deploy".to_owned(), "compose".into());
                render(&answers)
            },
        );
        let error = refused.err().map(|error| error.to_string());
        let expected =
            "the template refuses the answers: no address.\n  Set it with --answer grafana=...";
        assert_eq!(error.as_deref(), Some(expected));
        Ok(())
    }

    #[test]
    fn answers_without_a_question_are_dropped() -> anyhow::Result<()> {
        let questions = questions()?;
        let given = BTreeMap::from([("worker".to_owned(), "true".to_owned())]);
        let answers = NewAnswers::new(&questions, &given, None)?;
        let recorded: Table =
            toml::from_str("worker = false\nstore = \"mysql\"\ncolor = \"red\"\n")?;
        let expected: Table = toml::from_str("worker = true\n")?;
        assert_eq!(answers.kept(&recorded), expected);
        Ok(())
    }

    #[test]
    fn invalid_given_answers_are_refused() -> anyhow::Result<()> {
        let questions = questions()?;
        for (name, answer, expected) in [
            ("stroe", "none", "expected one of worker, store"),
            ("store", "mysql", "expected one of none, sqlite"),
        ] {
            let given = BTreeMap::from([(name.to_owned(), answer.to_owned())]);
            let error = NewAnswers::new(&questions, &given, None).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{error}");
        }
        Ok(())
    }
}

//! The answers for the new template: recorded, given and typed ones.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
};

use anyhow::{Context as _, bail, ensure};
use e2e::generate::Question;
use support::ui;
use toml::{Table, Value};

use super::{rendering::Rendering, service_record::text_of};

/// How questions are answered that the record does not answer.
#[derive(Debug)]
pub(super) struct NewAnswers<'a> {
    /// The questions of the new template.
    questions: &'a [Question],
    /// The answers of `--answer`.
    given: &'a BTreeMap<String, String>,
    /// Whether the questions are asked, rather than answered by their defaults.
    are_asked: bool,
    /// The answers that were typed for earlier services, which become defaults.
    typed: BTreeMap<String, String>,
}

impl<'a> NewAnswers<'a> {
    pub(super) fn new(
        questions: &'a [Question],
        given: &'a BTreeMap<String, String>,
        defaults: bool,
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
                accepts(question, answer),
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
            are_asked: !defaults && io::stdin().is_terminal(),
            typed: BTreeMap::new(),
        })
    }

    /// Renders the new template with `recorded` and further answers.
    ///
    /// It is rendered again until no question is open.
    pub(super) fn complete(
        &mut self,
        recorded: &Table,
        mut render: impl FnMut(&Table) -> anyhow::Result<Rendering>,
    ) -> anyhow::Result<Rendering> {
        let mut answers = self.kept(recorded);
        loop {
            // The record of the rendering has each question that these answers lead to.
            let rendering = render(&answers)?;
            let is_open = |(name, _): &(&String, &Value)| !answers.contains_key(*name);
            let open: Vec<_> = rendering.record.answers.iter().filter(is_open).collect();
            let mut is_final = true;
            let mut found = Table::new();
            for (name, default) in open {
                let answer = self.answer(name, default)?;
                is_final &= answer == *default;
                found.insert(name.clone(), answer);
            }
            if is_final {
                return Ok(rendering);
            }
            answers.extend(found);
        }
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
                Some(question) if !accepts(question, &text) => ui::line(format!(
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

    /// Asks for the answer to a question, or takes its default and says so.
    fn answer(&mut self, name: &str, default: &Value) -> anyhow::Result<Value> {
        let Some(question) = self.question(name) else {
            return Ok(default.clone());
        };
        let default = self
            .typed
            .get(name)
            .cloned()
            .unwrap_or_else(|| text_of(default));
        let answer = if self.are_asked {
            ask(question, &default)?
        } else {
            ui::line(format!(
                "  New question: {} {name} = {default:?} is the default; --answer {name}=... sets another.",
                question.prompt
            ));
            default
        };
        let value = value(question, &answer);
        self.typed.insert(name.to_owned(), answer);
        Ok(value)
    }

    fn question(&self, name: &str) -> Option<&'a Question> {
        self.questions.iter().find(|question| question.name == name)
    }
}

/// Whether a question has this choice, or accepts any text.
fn accepts(question: &Question, answer: &str) -> bool {
    question.choices.is_empty() || question.choices.iter().any(|choice| choice == answer)
}

fn value(question: &Question, answer: &str) -> Value {
    match answer {
        "true" if question.is_bool() => Value::Boolean(true),
        "false" if question.is_bool() => Value::Boolean(false),
        text => Value::String(text.to_owned()),
    }
}

/// Asks on the terminal until the answer is valid.
fn ask(question: &Question, default: &str) -> anyhow::Result<String> {
    ui::line(format!(
        "  {}: {}",
        ui::strong(&question.name),
        question.prompt
    ));
    loop {
        let choices = match question.choices.is_empty() {
            true => String::new(),
            false => format!("{}; ", question.choices.join(", ")),
        };
        print_now(&format!("    [{choices}default {default}] "))?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line)?;
        ensure!(
            read > 0,
            "the input ended before {} was answered",
            question.name
        );
        let answer = line.trim();
        if answer.is_empty() {
            return Ok(default.to_owned());
        }
        if accepts(question, answer) {
            return Ok(answer.to_owned());
        }
    }
}

/// Prints a text without a line break.
fn print_now(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    write!(output, "{text}")?;
    output.flush().context("cannot print the question")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use e2e::generate::{Question, questions_in};
    use toml::Table;

    use super::NewAnswers;

    fn questions() -> anyhow::Result<Vec<Question>> {
        questions_in(
            "[placeholders.worker]\ntype = \"bool\"\n[placeholders.store]\ntype = \"string\"\nchoices = [\"none\", \"sqlite\"]\n",
        )
    }

    #[test]
    fn answers_without_a_question_are_dropped() -> anyhow::Result<()> {
        let questions = questions()?;
        let given = BTreeMap::from([("worker".to_owned(), "true".to_owned())]);
        let answers = NewAnswers::new(&questions, &given, true)?;
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
            let error = NewAnswers::new(&questions, &given, true).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{error}");
        }
        Ok(())
    }
}

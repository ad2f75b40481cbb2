//! The questions of the template.
//!
//! They are read from its `cargo-generate.toml`, the only list of its options.

use std::sync::LazyLock;

use toml::{Table, Value};

/// One option of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name of the option, as for `--define`.
    pub name: String,
    /// The text of the question.
    pub prompt: String,
    /// The accepted answers; empty if any text is accepted.
    pub choices: Vec<String>,
    /// The default answer; `None` if it depends on other answers.
    pub default: Option<String>,
    /// Conditions under which the question is asked, each with its default.
    ///
    /// Empty if the question is always asked.
    pub conditional: Vec<(String, String)>,
}

impl Question {
    /// Whether the answers are `true` and `false`.
    pub fn is_bool(&self) -> bool {
        self.choices == BOOL
    }

    /// Whether `none` is an answer.
    pub(super) fn has_none(&self) -> bool {
        self.choices.iter().any(|choice| choice == NONE)
    }
}

const BOOL: [&str; 2] = ["false", "true"];
pub(super) const NONE: &str = "none";

/// All questions in the order of the file, conditional ones last.
pub static QUESTIONS: LazyLock<Vec<Question>> = LazyLock::new(|| {
    let config = include_str!("../../../../template/cargo-generate.toml");
    // An invalid file yields no questions, which the test below detects.
    questions_in(config).unwrap_or_default()
});

/// The questions of a `cargo-generate.toml`, conditional ones last.
///
/// # Errors
///
/// If the text is not valid TOML.
pub fn questions_in(config: &str) -> anyhow::Result<Vec<Question>> {
    Ok(questions(&config.parse()?))
}

fn questions(config: &Table) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for (name, placeholder) in placeholders(config.get("placeholders")) {
        questions.push(question(name, placeholder));
    }
    let conditions = config.get("conditional").and_then(Value::as_table);
    for (condition, table) in conditions.into_iter().flatten() {
        for (name, placeholder) in placeholders(table.get("placeholders")) {
            let mut conditional = question(name, placeholder);
            let default = conditional.default.take().unwrap_or_default();
            let asked = (condition.clone(), default);
            match questions.iter_mut().find(|known| known.name == *name) {
                Some(known) => known.conditional.push(asked),
                None => {
                    conditional.conditional.push(asked);
                    questions.push(conditional);
                }
            }
        }
    }
    questions
}

fn placeholders(table: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    table.and_then(Value::as_table).into_iter().flatten()
}

fn question(name: &str, placeholder: &Value) -> Question {
    let text = |key| placeholder.get(key).and_then(Value::as_str);
    let choices = placeholder.get("choices").and_then(Value::as_array);
    let choices = choices.into_iter().flatten().filter_map(Value::as_str);
    let is_bool = text("type") == Some("bool");
    Question {
        name: name.to_owned(),
        prompt: text("prompt").unwrap_or_default().to_owned(),
        choices: if is_bool {
            BOOL.map(str::to_owned).to_vec()
        } else {
            choices.map(str::to_owned).collect()
        },
        default: match placeholder.get("default") {
            Some(Value::Boolean(answer)) => Some(answer.to_string()),
            _ => text("default").map(str::to_owned),
        },
        conditional: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{QUESTIONS, questions};

    #[test]
    fn options_of_the_file_are_known() {
        let names: Vec<_> = QUESTIONS.iter().map(|question| &*question.name).collect();
        for name in ["example", "store", "grafana", "firstlight"] {
            assert!(names.contains(&name), "no {name} in {names:?}");
        }
    }

    #[test]
    fn every_kind_of_question_is_read() -> anyhow::Result<()> {
        let config = r#"
            [placeholders.worker]
            type = "bool"
            prompt = "A worker?"
            default = false
            [placeholders.store]
            type = "string"
            prompt = "A database?"
            choices = ["none", "sqlite"]
            default = "none"
            [conditional.'store == "sqlite"'.placeholders.file]
            prompt = "Its file?"
            default = "a.db"
            [conditional.'store == "none"'.placeholders.file]
            prompt = "Which file?"
            default = "b.db"
        "#;
        let found = questions(&config.parse()?);
        let found: Vec<_> = found
            .iter()
            .map(|q| (&*q.name, q.choices.join(" "), q.default.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("worker", "false true".to_owned(), Some("false")),
                ("store", "none sqlite".to_owned(), Some("none")),
                ("file", String::new(), None),
            ]
        );
        let all = questions(&config.parse()?);
        assert!(all[0].is_bool());
        let conditions: Vec<_> = all[2]
            .conditional
            .iter()
            .map(|(_, default)| &**default)
            .collect();
        assert_eq!(conditions, ["a.db", "b.db"]);
        Ok(())
    }
}

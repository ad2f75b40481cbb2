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
    /// The accepted answers; empty if any text is accepted.
    pub choices: Vec<String>,
    /// The forms in which it is asked, at most one of them for a service.
    pub variants: Vec<Variant>,
}

/// The text and the default of a question, under a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The condition on other answers; `None` if the question is always asked.
    pub condition: Option<String>,
    /// The text of the question.
    pub prompt: String,
    /// The default answer.
    pub default: Option<String>,
}

impl Question {
    /// Whether the answers are `true` and `false`.
    pub fn is_bool(&self) -> bool {
        self.choices == BOOL
    }

    /// Whether `answer` is one of the choices, or any text is accepted.
    pub fn accepts(&self, answer: &str) -> bool {
        self.choices.is_empty() || self.choices.iter().any(|choice| choice == answer)
    }

    /// Whether `none` is an answer.
    pub(super) fn has_none(&self) -> bool {
        self.choices.iter().any(|choice| choice == NONE)
    }

    /// The default answer; `None` if it depends on other answers.
    pub fn default(&self) -> Option<&str> {
        let mut variants = self.variants.iter();
        let always = variants.find(|variant| variant.condition.is_none())?;
        always.default.as_deref()
    }

    /// Why an answer has no effect with the other answers.
    ///
    /// `None` if the question is asked.
    pub fn objection(&self, answer_of: impl Fn(&str) -> String) -> Option<String> {
        let conditions = self
            .variants
            .iter()
            .map(|variant| variant.condition.as_deref());
        let conditions: Option<Vec<_>> = conditions.collect();
        let conditions = conditions?;
        let comparisons: Option<Vec<_>> =
            conditions.iter().map(|it| Comparison::read(it)).collect();
        let comparisons = comparisons?;
        let is_asked = |it: &Comparison<'_>| (answer_of(it.name) == it.answer) == it.is_equal;
        if comparisons.iter().any(is_asked) {
            return None;
        }
        let name = comparisons.first()?.name;
        Some(format!(
            "found {name} = {:?}, expected {}",
            answer_of(name),
            conditions.join(" or ")
        ))
    }

    /// The text with which a service is asked whose default is `default`.
    pub fn prompt(&self, default: &str) -> &str {
        let is_asked = |variant: &&Variant| variant.default.as_deref() == Some(default);
        let asked = self.variants.iter().find(is_asked);
        let asked = asked.or(self.variants.first());
        asked.map_or("", |variant| &variant.prompt)
    }
}

/// A condition that compares one answer: `deploy == "compose"`.
struct Comparison<'a> {
    name: &'a str,
    answer: &'a str,
    /// `==`, and not `!=`.
    is_equal: bool,
}

impl<'a> Comparison<'a> {
    /// Reads a condition of the template; `None` if it is more than one comparison.
    fn read(condition: &'a str) -> Option<Self> {
        let parts: Vec<_> = condition.split(' ').collect();
        let [name, operator @ ("==" | "!="), answer] = parts[..] else {
            return None;
        };
        Some(Self {
            name,
            answer: answer.trim_matches('"'),
            is_equal: operator == "==",
        })
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
        questions.push(question(name, placeholder, None));
    }
    let conditions = config.get("conditional").and_then(Value::as_table);
    for (condition, table) in conditions.into_iter().flatten() {
        for (name, placeholder) in placeholders(table.get("placeholders")) {
            let asked = question(name, placeholder, Some(condition));
            match questions.iter_mut().find(|known| known.name == *name) {
                Some(known) => known.variants.extend(asked.variants),
                None => questions.push(asked),
            }
        }
    }
    questions
}

fn placeholders(table: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    table.and_then(Value::as_table).into_iter().flatten()
}

fn question(name: &str, placeholder: &Value, condition: Option<&String>) -> Question {
    let text = |key| placeholder.get(key).and_then(Value::as_str);
    let choices = placeholder.get("choices").and_then(Value::as_array);
    let choices = choices.into_iter().flatten().filter_map(Value::as_str);
    let is_bool = text("type") == Some("bool");
    let variant = Variant {
        condition: condition.cloned(),
        prompt: text("prompt").unwrap_or_default().to_owned(),
        default: match placeholder.get("default") {
            Some(Value::Boolean(answer)) => Some(answer.to_string()),
            _ => text("default").map(str::to_owned),
        },
    };
    Question {
        name: name.to_owned(),
        choices: if is_bool {
            BOOL.map(str::to_owned).to_vec()
        } else {
            choices.map(str::to_owned).collect()
        },
        variants: vec![variant],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use toml::Table;

    use super::{Comparison, QUESTIONS, Question, placeholders, questions};

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
            .map(|q| (&*q.name, q.choices.join(" "), q.default()))
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
        assert_eq!(all[1].prompt("none"), "A database?");
        let conditional = &all[2];
        for (default, prompt) in [("a.db", "Its file?"), ("b.db", "Which file?")] {
            assert_eq!(conditional.prompt(default), prompt);
        }
        Ok(())
    }

    #[test]
    fn answers_need_one_of_their_conditions() {
        let objection = |name: &str, deploy: &str| {
            let mut named = QUESTIONS.iter().filter(|question| question.name == name);
            named.find_map(|question| question.objection(|_| deploy.to_owned()))
        };
        for (name, deploy, expected) in [
            (
                "registry",
                "none",
                Some("found deploy = \"none\", expected deploy == \"kubernetes\""),
            ),
            (
                "runbooks",
                "none",
                Some("found deploy = \"none\", expected deploy != \"none\""),
            ),
            ("grafana", "kubernetes", None),
            ("runbooks", "compose", None),
            ("store", "none", None),
        ] {
            assert_eq!(
                objection(name, deploy).as_deref(),
                expected,
                "{name} with {deploy}"
            );
        }
    }

    #[test]
    fn conditions_compare_one_answer() {
        for Question { name, variants, .. } in QUESTIONS.iter() {
            let mut conditions = variants.iter().filter_map(|it| it.condition.as_deref());
            let other = conditions.find(|condition| Comparison::read(condition).is_none());
            assert_eq!(
                other, None,
                "{name}: `Question::objection` compares one answer, and would not check this"
            );
        }
    }

    #[test]
    fn defaults_tell_variants_apart() {
        for Question { name, variants, .. } in QUESTIONS.iter() {
            let defaults: BTreeSet<_> = variants.iter().map(|variant| &variant.default).collect();
            assert_eq!(
                defaults.len(),
                variants.len(),
                "two forms of {name} have the same default, by which `Question::prompt` chooses one"
            );
        }
    }

    #[test]
    fn variants_have_the_same_choices() -> anyhow::Result<()> {
        let config: Table = include_str!("../../../../template/cargo-generate.toml").parse()?;
        let conditions = config["conditional"].as_table();
        for (condition, table) in conditions.into_iter().flatten() {
            for (name, placeholder) in placeholders(table.get("placeholders")) {
                let known = QUESTIONS.iter().find(|question| question.name == *name);
                let found = super::question(name, placeholder, Some(condition)).choices;
                assert_eq!(
                    known.map(|known| &known.choices),
                    Some(&found),
                    "{name} if {condition}: each form of a question needs the same choices"
                );
            }
        }
        Ok(())
    }
}

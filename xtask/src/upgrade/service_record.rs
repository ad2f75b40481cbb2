//! The record `.firstlight.toml` of a service: what its files were rendered from.

use anyhow::{Context as _, ensure};
use toml::{Table, Value};

/// The name of the file.
pub(super) const FILE: &str = ".firstlight.toml";

/// The content of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// The version of the template.
    pub(super) version: String,
    /// The commit of the template; `None` if it was not known.
    pub(super) commit: Option<String>,
    /// The name of the service; `None` in records of templates that did not write it.
    pub(super) name: Option<String>,
    /// The answers by question.
    pub(super) answers: Table,
}

impl Record {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: Table = toml::from_str(text).context("it is not valid TOML")?;
        let known = |key| {
            let text = table.get(key).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let answers = table.get("values").and_then(Value::as_table);
        let answers = answers.context("found no table [values], expected the answers in it")?;
        for (question, answer) in answers {
            ensure!(
                answer.is_str() || answer.is_bool(),
                "{question} = {answer}: expected a text, true or false"
            );
        }
        Ok(Self {
            version: known("template").context("found no `template`, expected its version")?,
            commit: known("commit"),
            name: known("name"),
            answers: answers.clone(),
        })
    }

    /// The version and the beginning of the commit.
    pub(super) fn shown(&self) -> String {
        match &self.commit {
            Some(commit) => format!("{} {}", self.version, short(commit)),
            None => self.version.clone(),
        }
    }
}

/// An answer as text, such as `true` or `sqlite`.
pub(super) fn text_of(answer: &Value) -> String {
    match answer {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The beginning of a commit's name.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::{Record, text_of};

    #[test]
    fn old_records_have_no_commit() -> anyhow::Result<()> {
        let record =
            Record::parse("template = \"0.1.0\"\n[values]\nworker = true\nstore = \"sqlite\"\n")?;
        assert_eq!((&record.commit, &record.name), (&None, &None));
        assert_eq!(
            record.answers.get("worker").map(text_of).as_deref(),
            Some("true")
        );
        assert_eq!(
            record.answers.get("store").map(text_of).as_deref(),
            Some("sqlite")
        );
        assert_eq!(record.shown(), "0.1.0");
        let record = Record::parse("template = \"0.1.0\"\ncommit = \"\"\n[values]\n")?;
        assert_eq!(record.commit, None);
        Ok(())
    }

    #[test]
    fn unreadable_records_say_what_is_missing() {
        for (text, expected) in [
            ("<<<<<<< HEAD", "it is not valid TOML"),
            ("template = \"0.1.0\"", "found no table [values]"),
            ("[values]", "found no `template`"),
            ("template = \"1\"\n[values]\nstore = 3", "store = 3"),
        ] {
            let error = Record::parse(text).err().map(|error| format!("{error:#}"));
            assert!(
                error.is_some_and(|error| error.contains(expected)),
                "{text}"
            );
        }
    }
}

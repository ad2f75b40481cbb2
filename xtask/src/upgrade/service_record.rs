//! The record `.firstlight.toml` of a service: what its files were rendered from.

use anyhow::{Context as _, anyhow, bail, ensure};
use toml::{Table, Value};

/// The name of the file.
pub(super) const FILE: &str = ".firstlight.toml";

/// What to do about a file that is no record.
const UNREADABLE: &str =
    "cannot read .firstlight.toml; `git log -p .firstlight.toml` shows how the template wrote it";

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
    /// Reads the content of the file.
    ///
    /// Its texts become arguments of git and cargo-generate, a branch and a folder, and lines on a terminal.
    ///
    /// # Errors
    ///
    /// If the text is no record; the message has one line.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        Self::read(text).context(UNREADABLE)
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        let table: Table = toml::from_str(text).map_err(|error| invalid_toml(text, &error))?;
        let answers = table.get("values").and_then(Value::as_table);
        let answers = answers.context("found no table [values], expected the answers in it")?;
        for (question, answer) in answers {
            ensure!(
                answer.is_str() || answer.is_bool(),
                "{question:?}: found the type {}, expected a text, true or false",
                answer.type_str()
            );
        }
        let version = known(&table, "template", "a version such as 0.1.0", is_version)?;
        Ok(Self {
            version: version.context("found no `template`, expected its version")?,
            commit: known(&table, "commit", "the hash of a commit", is_hash)?,
            name: known(&table, "name", "the name of a service", is_name)?,
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

/// The rendered record, with another line `commit` than `own` has.
///
/// So the commit that last changed this line is the last upgrade, also of one that only changes answers.
pub(super) fn with_changed_commit(rendered: &str, own: &str) -> String {
    let lines = [rendered, own].map(|text| text.lines().find(|line| line.starts_with("commit = ")));
    let [Some(line), Some(own)] = lines else {
        return rendered.to_owned();
    };
    let Some(times) = own.strip_prefix(line) else {
        return rendered.to_owned();
    };
    let times = times.strip_prefix(ANSWERS_CHANGED);
    let times: u32 = times.and_then(|times| times.parse().ok()).unwrap_or(0);
    let changed = format!("{line}{ANSWERS_CHANGED}{}", times.saturating_add(1));
    rendered.replacen(line, &changed, 1)
}

/// The comment after a commit, before the number of further upgrades to it.
const ANSWERS_CHANGED: &str = " # answers changed: ";

/// The error for a text that is not TOML.
///
/// The parser's own message shows the line, which may have characters that a terminal obeys.
fn invalid_toml(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = 1 + before.unwrap_or_default().matches('\n').count();
    let message = error.message().escape_debug();
    anyhow!("line {line} is not valid TOML: {message}")
}

/// Returns a text of the table; `None` if it is missing or empty.
///
/// # Errors
///
/// If it is not what `expected` says.
fn known(
    table: &Table,
    key: &str,
    expected: &str,
    is_expected: impl Fn(&str) -> bool,
) -> anyhow::Result<Option<String>> {
    let text = match table.get(key) {
        None => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => bail!(
            "{key}: found the type {}, expected {expected}",
            other.type_str()
        ),
    };
    ensure!(
        is_expected(text),
        "{key}: found {text:?}, expected {expected}"
    );
    Ok(Some(text.clone()))
}

fn is_version(text: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-+".contains(&byte))
    };
    text.starts_with(|first: char| first.is_ascii_digit()) && text.split('.').all(is_part)
}

fn is_hash(text: &str) -> bool {
    (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the template allows the name, by its `hooks/names.rhai`.
fn is_name(text: &str) -> bool {
    let is_allowed =
        |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "-_".contains(char);
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 63
        && text.chars().all(is_allowed)
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
    use std::cell::Cell;

    use proptest::{
        collection::{btree_map, vec},
        prelude::*,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };
    use toml::{Table, Value};

    use super::{FILE, Record, is_hash, is_name, is_version, text_of, with_changed_commit};

    #[test]
    fn each_upgrade_changes_the_commit_line() -> anyhow::Result<()> {
        let rendered = "template = \"0.1.0\"\ncommit = \"abcd\"\n[values]\nci = \"none\"\n";
        let once = with_changed_commit(rendered, rendered);
        let twice = with_changed_commit(rendered, &once);
        for (text, comment) in [
            (&once, "# answers changed: 1"),
            (&twice, "# answers changed: 2"),
        ] {
            assert!(
                text.contains(&format!("\ncommit = \"abcd\" {comment}\n")),
                "{text}"
            );
            assert_eq!(Record::parse(text)?, Record::parse(rendered)?);
        }
        for other in ["commit = \"ab\"\n", "commit = \"\"\n", ""] {
            assert_eq!(with_changed_commit(rendered, other), rendered);
        }
        Ok(())
    }

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
            ("\n<<<<<<< HEAD", "line 2 is not valid TOML"),
            ("template = \"0.1.0\"", "found no table [values]"),
            ("[values]", "found no `template`"),
            (
                "template = \"1\"\n[values]\nstore = 3",
                "\"store\": found the type integer",
            ),
            (
                "template = 1\n[values]",
                "template: found the type integer, expected a version",
            ),
            (
                "template = \"1..2\"\n[values]",
                "template: found \"1..2\", expected a version",
            ),
            (
                "template = \"1\"\ncommit = \"--all\"\n[values]",
                "commit: found \"--all\", expected the hash",
            ),
            (
                "template = \"1\"\nname = \"../orders\"\n[values]",
                "name: found \"../orders\", expected the name",
            ),
        ] {
            let error = Record::parse(text).err().map(|error| format!("{error:#}"));
            assert!(
                error.as_ref().is_some_and(|error| error.contains(expected)),
                "{text}: {error:?}"
            );
        }
    }

    /// Lines that each record may have below `[values]`.
    const ANSWERS: [&str; 6] = [
        "worker = true\n",
        "store = \"sqlite\"\n",
        "path = 'sql\\ite'\n",
        "team = \"\"\"\na\nb\"\"\"\n",
        "\"\\u001b[31m\" = \"\\u0007\"\n",
        "# a comment\n",
    ];

    /// Parts of records, and of texts that are none.
    const PARTS: [&str; 27] = [
        "template = \"0.1.0\"\n",
        "template = \"0.1.0\"\n[values]\n",
        "template = \"2.0.0-rc.1+5\"\ncommit = \"68a247c3\"\nname = \"orders\"\n[values]\n",
        "template = \"../../etc\"\n",
        "commit = \"\"\n",
        "commit = \"68a247c3ba1f\"\n",
        "commit = \"--output=a\"\n",
        "name = \"orders_api\"\n",
        "name = \"a/../b\"\n",
        "[values]\n",
        "[[values]]\n",
        "values = 3\n",
        "replicas = 3\n",
        "made = 2026-11-30\n",
        "\"\\u001b[31m\" = [1]\n",
        "a.b.c = { d = 1 }\n",
        "\u{1b}[31m",
        "<<<<<<< HEAD\n",
        "=======\n",
        "\"",
        "'''",
        "=",
        "[",
        "}",
        "\\",
        "\r\n",
        "\0",
    ];

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => proptest::sample::select(&PARTS[..]).prop_map(str::to_owned),
            8 => proptest::sample::select(&ANSWERS[..]).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ]
    }

    fn text() -> impl Strategy<Value = String> {
        vec(any::<char>(), 0..12).prop_map(String::from_iter)
    }

    /// Checks a few thousand inputs, the same in each run.
    fn run<S: Strategy>(input: &S, check: impl Fn(S::Value)) {
        let config = Config {
            cases: 4_000,
            failure_persistence: None,
            ..Config::default()
        };
        let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let result = TestRunner::new_with_rng(config, random).run(input, |input| {
            check(input);
            Ok(())
        });
        assert!(result.is_ok(), "{result:?}");
    }

    /// The record as a file.
    fn written(record: &Record) -> String {
        let texts = [
            ("template", Some(&record.version)),
            ("commit", record.commit.as_ref()),
            ("name", record.name.as_ref()),
        ];
        let mut table: Table = texts
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), Value::String(text?.clone()))))
            .collect();
        table.insert("values".to_owned(), Value::Table(record.answers.clone()));
        table.to_string()
    }

    #[test]
    fn any_text_is_a_record_or_a_clear_error() {
        let (records, all) = (Cell::new(0), Cell::new(0));
        let head = prop_oneof![Just(""), Just("template = \"0.1.0\"\n[values]\n")];
        let texts = (head, vec(part(), 0..6));
        let texts = texts.prop_map(|(head, parts)| format!("{head}{}", parts.concat()));
        run(&texts, |text| {
            all.set(all.get() + 1);
            match Record::parse(&text) {
                Ok(record) => {
                    records.set(records.get() + 1);
                    assert!(is_version(&record.version), "{record:?}");
                    assert!(record.commit.as_deref().is_none_or(is_hash), "{record:?}");
                    assert!(record.name.as_deref().is_none_or(is_name), "{record:?}");
                    let again = Record::parse(&written(&record));
                    assert!(again.is_ok_and(|again| again == record), "{text:?}");
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    assert!(error.contains(FILE) && error.contains("git log"), "{error}");
                    assert!(!error.contains(char::is_control), "{error:?} of {text:?}");
                    assert!(error.len() < 1_000, "{error}");
                }
            }
        });
        let (records, all) = (records.get(), all.get());
        assert!(
            records > all / 10,
            "{records} of {all} texts are records, which is too few"
        );
    }

    #[test]
    fn written_records_are_read_back() {
        let answer = prop_oneof![
            text().prop_map(Value::String),
            any::<bool>().prop_map(Value::Boolean)
        ];
        run(&btree_map(text(), answer, 0..6), |answers| {
            let record = Record {
                version: "0.1.0".to_owned(),
                commit: Some("68a247c3".to_owned()),
                name: Some("orders".to_owned()),
                answers: answers.into_iter().collect(),
            };
            let again = Record::parse(&written(&record));
            assert!(again.is_ok_and(|again| again == record), "{record:?}");
        });
    }
}

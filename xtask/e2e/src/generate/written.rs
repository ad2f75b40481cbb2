//! Checks the files that repeat the template's options.
//!
//! They are the table of the book and the record of a service's answers. `UPDATE=1 cargo test -p e2e written` writes both.

use std::fs;

use anyhow::{Context as _, bail};
use support::paths;

use super::{QUESTIONS, Question, Variant};

/// Checks or writes the part of `file` between `begin` and `end`.
fn check_or_write(file: &str, begin: &str, end: &str, expected: &str) -> anyhow::Result<()> {
    let path = paths::root().join(file);
    let text = fs::read_to_string(&path).context(file.to_owned())?;
    let parts = text.split_once(begin).and_then(|(before, rest)| {
        let at = if end.is_empty() {
            rest.len()
        } else {
            rest.find(end)?
        };
        Some((before, rest.get(..at)?, rest.get(at..)?))
    });
    let (before, found, after) =
        parts.with_context(|| format!("{file} has no {begin:?} and {end:?}"))?;
    if found == expected {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_none() {
        bail!(
            "{file} does not have the options of template/cargo-generate.toml; run UPDATE=1 cargo test -p e2e written"
        );
    }
    Ok(fs::write(
        &path,
        format!("{before}{begin}{expected}{after}"),
    )?)
}

/// The answers of a question, the default first.
fn answers(question: &Question, variant: &Variant) -> String {
    let default = variant.default.as_ref();
    let code = |text: &String| format!("`{text}`");
    let others = question.choices.iter();
    let others = others.filter(|choice| default != Some(choice));
    let all: Vec<_> = default.into_iter().chain(others).map(code).collect();
    let condition = match &variant.condition {
        Some(condition) => format!(" if `{condition}`"),
        None => String::new(),
    };
    format!("{}{condition}", all.join(", "))
}

#[test]
fn the_book_has_every_option() -> anyhow::Result<()> {
    let mut table =
        "| option | answers, the default first | question |\n| --- | --- | --- |\n".to_owned();
    for question in QUESTIONS.iter() {
        for variant in &question.variants {
            let (name, answers) = (&question.name, answers(question, variant));
            table += &format!("| `{name}` | {answers} | {} |\n", variant.prompt);
        }
    }
    let begin = "<!-- options: written by `UPDATE=1 cargo test -p e2e written` -->\n";
    check_or_write("docs/book/src/template.md", begin, "<!-- end -->\n", &table)
}

#[test]
fn the_record_has_every_answer() -> anyhow::Result<()> {
    let mut values = String::new();
    for question in QUESTIONS.iter() {
        // The hook replaces `auto` by the source that it finds.
        let variable = match &*question.name {
            "firstlight" => "firstlight_answer",
            name => name,
        };
        let value = if question.is_bool() {
            format!("{} = {{{{{variable}}}}}\n", question.name)
        } else {
            format!("{} = \"{{{{{variable}}}}}\"\n", question.name)
        };
        let conditions = question.variants.iter();
        let conditions = conditions.filter_map(|variant| variant.condition.as_deref());
        let conditions: Vec<_> = conditions.collect();
        if conditions.is_empty() {
            values += &value;
        } else {
            // Liquid has `and` and `or` for `&&` and `||`, and the same comparisons as the configuration.
            let condition = conditions
                .join(" or ")
                .replace("&&", "and")
                .replace("||", "or");
            values += &format!("{{%- if {condition} %}}\n{value}{{%- endif %}}\n");
        }
    }
    check_or_write("template/.firstlight.toml", "[values]\n", "", &values)
}

//! Questions on a terminal.

use std::io::{BufRead, Write};

use anyhow::ensure;
use e2e::generate::Question;
use support::ui;

/// The input and output of a terminal, or of a test.
pub(super) struct Dialog<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
}

impl<'a> Dialog<'a> {
    pub(super) fn new(input: &'a mut dyn BufRead, output: &'a mut dyn Write) -> Self {
        Self { input, output }
    }

    /// Asks until the answer is one of the choices.
    ///
    /// An empty line is the default.
    pub(super) fn ask(&mut self, question: &Question, default: &str) -> anyhow::Result<String> {
        let (name, choices) = (&question.name, question.choices.join(", "));
        let prompt = question.prompt(default);
        writeln!(self.output, "  {}: {prompt}", ui::strong(name))?;
        let choice = match choices.is_empty() {
            true => String::new(),
            false => format!("{choices}; "),
        };
        loop {
            write!(self.output, "    [{choice}default {default}] ")?;
            self.output.flush()?;
            let mut line = String::new();
            let read = self.input.read_line(&mut line)?;
            ensure!(read > 0, "the input ended before {name} was answered");
            match line.trim() {
                "" => return Ok(default.to_owned()),
                answer if question.accepts(answer) => return Ok(answer.to_owned()),
                other => self.say(&format!("found {other:?}, expected one of {choices}"))?,
            }
        }
    }

    /// Says what is wrong with an answer.
    pub(super) fn say(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.output, "    {}", ui::loud(text))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use e2e::generate::{Question, questions_in};

    use super::Dialog;

    fn store() -> anyhow::Result<Vec<Question>> {
        questions_in(
            "[placeholders.store]\ntype = \"string\"\nprompt = \"Which database?\"\nchoices = [\"none\", \"sqlite\"]\n",
        )
    }

    fn asked(mut typed: &[u8]) -> anyhow::Result<(anyhow::Result<String>, String)> {
        let (questions, mut output) = (store()?, Vec::new());
        let answer = Dialog::new(&mut typed, &mut output).ask(&questions[0], "none");
        Ok((answer, String::from_utf8(output)?))
    }

    #[test]
    fn invalid_choices_are_explained() -> anyhow::Result<()> {
        let (answer, output) = asked(b"mysql\nsqlite\n")?;
        assert_eq!(answer?, "sqlite");
        for needed in [
            "store: Which database?",
            "[none, sqlite; default none] ",
            "found \"mysql\", expected one of none, sqlite",
        ] {
            assert!(output.contains(needed), "no {needed:?}:\n{output}");
        }
        Ok(())
    }

    #[test]
    fn an_empty_line_is_the_default() -> anyhow::Result<()> {
        assert_eq!(asked(b" \n")?.0?, "none");
        let error = asked(b"")?.0.err().map(|error| error.to_string());
        let expected = "the input ended before store was answered";
        assert_eq!(error.as_deref(), Some(expected));
        Ok(())
    }
}

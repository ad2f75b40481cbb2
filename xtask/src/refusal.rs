//! Why the template refuses an answer, as its hooks say it.

use std::{error::Error, fmt};

/// The reason, without the hook's advice, which is for callers of cargo-generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    reason: String,
    /// The question whose answer the hook advises to set.
    question: Option<String>,
}

impl Refusal {
    /// Finds the error message of a hook in the output of cargo-generate.
    pub(crate) fn read(output: &str) -> Option<Self> {
        let (_, message) = output.split_once("Runtime error: ")?;
        let is_end = |line: &&str| {
            ["Before the next try", "Nothing was written", "(line "]
                .iter()
                .any(|end| line.starts_with(end))
        };
        let (mut reason, mut question) = (Vec::new(), None);
        for line in message
            .lines()
            .map(str::trim)
            .take_while(|line| !is_end(line))
        {
            match line.strip_prefix("Set it with --define ") {
                Some(advice) => question = advice.split('=').next().map(str::to_owned),
                None => reason.push(line),
            }
        }
        Some(Self {
            reason: reason.join("\n  "),
            question,
        })
    }

    /// The reason with advice: `option` is what sets the answer to a question.
    pub(crate) fn advised(&self, option: impl Fn(&str) -> String) -> String {
        match &self.question {
            Some(question) => format!("{}\n  Set it with {}", self.reason, option(question)),
            None => self.reason.clone(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn reasons_have_no_advice_of_hooks() {
        let of_missing_store = "Error: Failed executing script: /tmp/pre.rhai\n\nCaused by:\n    Runtime error: worker=true needs a store.\n      \
             Before the next try, remove the empty folder /tmp/ab.\n     (line 22, position 5)";
        let of_keyword = "Caused by:\n    Runtime error: the name \"fn\" can't be used: fn is a Rust keyword.\n      Allowed are \
             letters.\n      Nothing was written; choose another name.\n     (line 9, position 9)";
        let advised = |output| {
            let refusal = Refusal::read(output);
            refusal.map(|refusal| refusal.advised(|question| format!("--{question} ...")))
        };
        assert_eq!(
            advised(of_missing_store).as_deref(),
            Some("worker=true needs a store.")
        );
        assert_eq!(
            advised(of_keyword).as_deref(),
            Some("the name \"fn\" can't be used: fn is a Rust keyword.\n  Allowed are letters.")
        );
        assert_eq!(advised("error: could not compile"), None);
    }

    #[test]
    fn advice_is_for_the_callers_options() {
        let output = "Runtime error: registry=\"https://a\" can't be used.\n  Expected: a host\n  \
                      Set it with --define registry=...\n  Before the next try, remove it.\n";
        let refusal = Refusal::read(output);
        let advised = |refusal: &Refusal| refusal.advised(|name| format!("--answer {name}=..."));
        assert_eq!(
            refusal.as_ref().map(advised).as_deref(),
            Some(
                "registry=\"https://a\" can't be used.\n  Expected: a host\n  Set it with --answer registry=..."
            )
        );
        let reason = refusal.map(|refusal| refusal.to_string());
        assert_eq!(
            reason.as_deref(),
            Some("registry=\"https://a\" can't be used.\n  Expected: a host")
        );
    }
}

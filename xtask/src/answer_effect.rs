//! Answers without an effect, because the template does not ask for them.

use anyhow::bail;
use e2e::generate::Question;

/// Checks that the template asks each question with a given answer.
///
/// `answer_of` has all answers, and `option` is what gives an answer to a question.
///
/// # Errors
///
/// The first answer without an effect, and the answer that it needs.
pub(crate) fn check<'a>(
    questions: &[Question],
    given: impl Fn(&str) -> Option<&'a str>,
    answer_of: impl Fn(&str) -> Option<String>,
    option: impl Fn(&str, &str) -> String,
) -> anyhow::Result<()> {
    for question in questions {
        let Some(answer) = given(&question.name) else {
            continue;
        };
        if let Some(objection) = question.objection(|name| answer_of(name).unwrap_or_default()) {
            bail!(
                "{} has no effect: {objection}. Remove it, or change the other answer",
                option(&question.name, answer)
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use e2e::generate::QUESTIONS;

    use super::check;

    #[test]
    fn answers_without_effect_are_refused() {
        let refused = |given: &str, deploy: &str| {
            let result = check(
                &QUESTIONS,
                |name| (name == given).then_some("a"),
                |_| Some(deploy.to_owned()),
                |name, answer| format!("--{name} {answer}"),
            );
            result.err().map(|error| error.to_string())
        };
        assert_eq!(
            refused("registry", "compose").as_deref(),
            Some(
                "--registry a has no effect: found deploy = \"compose\", expected deploy == \"kubernetes\". \
                 Remove it, or change the other answer"
            )
        );
        assert_eq!(refused("registry", "kubernetes"), None);
        assert_eq!(refused("store", "compose"), None);
    }
}

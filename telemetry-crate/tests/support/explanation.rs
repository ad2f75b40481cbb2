//! What `/explain` of a process says.

use std::{
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Answer, ask_with};

/// Deadline of each wait.
///
/// Long, because the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_secs(120);

/// The pause between two requests.
const PAUSE: Duration = Duration::from_millis(400);

fn read(admin: SocketAddr, request: &str, accept: &str) -> Answer {
    ask_with(admin, request, &format!("\r\naccept: {accept}"))
}

/// One answer of `/explain`.
#[derive(Debug)]
pub(crate) struct Explanation(Value);

impl Explanation {
    pub(crate) fn of(admin: SocketAddr) -> Self {
        let answer = read(admin, "GET /explain", "application/json");
        assert_eq!(answer.status, 200, "{}", answer.body);
        Self(serde_json::from_str(&answer.body).unwrap())
    }

    pub(crate) fn verdict(&self) -> &str {
        self.0["verdict"].as_str().unwrap()
    }

    /// The parts with which nothing is wrong.
    pub(crate) fn fine(&self) -> Vec<&str> {
        let parts = self.0["fine"].as_array().unwrap();
        parts.iter().map(|part| part.as_str().unwrap()).collect()
    }

    /// The sentences of all findings.
    pub(crate) fn sentences(&self) -> Vec<&str> {
        let findings = self.0["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| finding["what"].as_str().unwrap())
            .collect()
    }

    /// Finds the sentence that has this text.
    fn finding(&self, sentence: &str) -> Option<&Value> {
        let mut findings = self.0["findings"].as_array().unwrap().iter();
        findings.find(|finding| finding["what"].as_str().unwrap().contains(sentence))
    }
}

/// One finding, and the listener that it is about.
#[derive(Debug)]
pub(crate) struct Finding {
    admin: SocketAddr,
    value: Value,
}

/// Asks until a sentence about `part` has this text.
///
/// The finding must satisfy the test. The answer is JSON, and the answer for people must have the text as well.
pub(crate) fn wait_for(
    admin: SocketAddr,
    part: &str,
    sentence: &str,
    test: impl Fn(&Finding) -> bool,
) -> Finding {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let explanation = Explanation::of(admin);
        let value = explanation.finding(sentence).cloned();
        if let Some(found) = value.map(|value| Finding { admin, value })
            && test(&found)
        {
            assert!(!explanation.fine().contains(&part), "{explanation:#?}");
            let text = read(admin, "GET /explain", "text/plain").body;
            let is_heading = |line: &str| {
                line.contains(sentence) && line.contains(&format!(". {}: ", found.severity()))
            };
            assert!(text.lines().any(is_heading), "no {sentence:?} in {text}");
            let next = format!("\n   next: curl 'localhost:9464{}'\n", found.next());
            assert!(text.contains(&next), "no {next:?} in {text}");
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "no {sentence:?} in {explanation:#?}"
        );
        thread::sleep(PAUSE);
    }
}

/// Asks `/explain` until a sentence about `part` has this text.
pub(crate) fn wait(admin: SocketAddr, part: &str, sentence: &str) -> Finding {
    wait_for(admin, part, sentence, |_| true)
}

impl Finding {
    pub(crate) fn severity(&self) -> &str {
        self.value["severity"].as_str().unwrap()
    }

    pub(crate) fn sentence(&self) -> &str {
        self.value["what"].as_str().unwrap()
    }

    fn next(&self) -> &str {
        self.value["next"].as_str().unwrap()
    }

    /// All lines of evidence.
    pub(crate) fn evidence(&self) -> Vec<&str> {
        let lines = self.value["evidence"].as_array().unwrap();
        lines.iter().map(|line| line.as_str().unwrap()).collect()
    }

    /// Whether a line of evidence has all of these texts.
    pub(crate) fn has(&self, texts: &[&str]) -> bool {
        let mut lines = self.evidence().into_iter();
        lines.any(|line| texts.iter().all(|text| line.contains(text)))
    }

    /// Asserts that a line of evidence has all of these texts.
    #[track_caller]
    pub(crate) fn shown_by(&self, texts: &[&str]) -> &Self {
        assert!(self.has(texts), "no line has {texts:?}: {self:#?}");
        self
    }

    /// The trace id in the first line of evidence that has this text.
    #[track_caller]
    pub(crate) fn trace_id(&self, text: &str) -> &str {
        let mut lines = self.evidence().into_iter();
        let line = lines.find(|line| line.contains(text)).unwrap();
        let id = line.split("(trace ").nth(1).unwrap().split(')').next();
        assert_eq!(id.unwrap().len(), 32, "{line}");
        id.unwrap()
    }

    /// Asserts the next command, and returns what it answers.
    #[track_caller]
    pub(crate) fn answer_of(&self, next: &str) -> String {
        assert_eq!(self.next(), next, "{self:#?}");
        let answer = read(self.admin, &format!("GET {next}"), "text/plain");
        let is_answered = answer.status == 200 || next == "/readyz";
        assert!(is_answered, "{} {}", answer.status, answer.body);
        answer.body
    }

    /// Asserts the runbook, which must exist.
    #[track_caller]
    pub(crate) fn runbook(&self, name: &str) {
        assert_eq!(self.value["runbook"], name, "{self:#?}");
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks");
        assert!(book.join(format!("{name}.md")).is_file(), "{name}");
    }

    /// Asserts that the finding has no runbook.
    #[track_caller]
    pub(crate) fn has_no_runbook(&self) {
        assert!(self.value["runbook"].is_null(), "{self:#?}");
    }
}

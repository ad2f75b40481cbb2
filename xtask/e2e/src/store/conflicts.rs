//! Transactions that cannot both have their way: the server takes a victim, and the service says so.

use anyhow::{Context as _, ensure};
use firstlight::testing::OtlpReceiver;
use support::{Cases, http};

use super::{
    Parts, SOON, clients,
    empty_database::Database,
    figures::Figures,
    symptoms::{Seen, Symptom},
};

pub(super) fn cases(cases: &mut Cases, parts: &Parts, seen: &mut Seen) {
    cases.check(
        "of two transactions in a deadlock one ends well, and the other is 40P01 in its answer's log line, the metric and the span",
        || {
            let database = parts.database("deadlock")?;
            let deadlock = Conflict {
                trouble: "a deadlock",
                paths: ["/trouble/transfer/1/2", "/trouble/transfer/2/1"],
                code: "40P01",
                symptom: Symptom::Deadlock,
            };
            deadlock.run(&database, seen)?;
            // One has moved 1 from an account to the other, and of the other there is no trace.
            let [one, two] = database.numbers(BALANCES)?;
            ensure!(
                one + two == 200 && (one - two).abs() == 2,
                "found balances of {one} and {two}, expected one transfer"
            );
            Ok(())
        },
    );
    cases.check(
        "of two serializable transactions that wrote what they had both read one ends well, and the other is 40001",
        || {
            let database = parts.database("serialization")?;
            let failure = Conflict {
                trouble: "a serialization failure",
                paths: ["/trouble/withdraw/3", "/trouble/withdraw/3"],
                code: "40001",
                symptom: Symptom::Serialization,
            };
            failure.run(&database, seen)?;
            let balance = database.number("SELECT balance FROM accounts WHERE id = 3")?;
            ensure!(
                balance == 99,
                "found a balance of {balance}, expected one withdrawal from 100"
            );
            Ok(())
        },
    );
}

/// Two requests that meet in the database.
struct Conflict {
    trouble: &'static str,
    paths: [&'static str; 2],
    /// What the server says to the victim.
    code: &'static str,
    symptom: Symptom,
}

impl Conflict {
    fn run(&self, database: &Database<'_>, seen: &mut Seen) -> anyhow::Result<()> {
        let collector = OtlpReceiver::start()?;
        let mut service = database.serve_traced(Some(&collector.endpoint()), &[])?;
        let answers = clients::at_once(2, |number| {
            let path = self.paths.get(number).copied().unwrap_or_default();
            let traceparent = format!("00-{:032x}-00f067aa0ba902b7-01", number + 1);
            http::send(
                "POST",
                &service.url(path),
                &[("traceparent", &traceparent)],
                "",
            )
        })?;
        let victims: Vec<_> = (answers.iter().enumerate())
            .filter(|(_, answer)| answer.status != 200)
            .collect();
        let [(victim, answer)] = victims.as_slice() else {
            anyhow::bail!("expected one victim, found {answers:?}");
        };
        // Nothing is wrong with the request, and the next try may well succeed.
        ensure!(
            super::is_unavailable(answer),
            "the victim: found {answer:?}, expected 503 and {}",
            super::UNAVAILABLE
        );

        let figures = Figures::of(&service)?;
        let count = self.symptom.count(&figures);
        ensure!(
            count == 1.0,
            "the metric counts {count} times {}, expected once",
            self.code
        );
        seen.note(self.trouble, &figures);

        let trace = format!("{:032x}", victim + 1);
        service.wait_for_log("what the server said to the victim", |log| {
            log.iter().any(|line| {
                line.text("level") == "ERROR"
                    && line.trace_id() == trace
                    && line.raw.contains(REASON)
            })
        })?;
        let failed = |span: &firstlight::testing::ReceivedSpan| {
            span.attributes
                .get("db.response.status_code")
                .map(String::as_str)
                == Some(self.code)
        };
        let spans = collector.wait_for(SOON, |spans| spans.iter().any(failed));
        let failed: Vec<_> = spans.iter().filter(|span| failed(span)).collect();
        let [span] = failed.as_slice() else {
            anyhow::bail!(
                "found {} spans with {}, expected one: {failed:?}",
                failed.len(),
                self.code
            );
        };
        ensure!(
            span.trace_id == trace && span.status == "error" && span.name == "UPDATE accounts",
            "expected the victim's UPDATE, and the status error: {span:?}"
        );
        let other = http::get(&format!("{}/readyz", service.admin)).context("afterwards")?;
        ensure!(other.status == 200, "/readyz: {other:?}");
        service.stop()
    }
}

/// The causes of an error are on its line.
const REASON: &str = "error returned from database";
const BALANCES: &str = "
    SELECT MAX(balance) FILTER (WHERE id = 1), MAX(balance) FILTER (WHERE id = 2) FROM accounts";

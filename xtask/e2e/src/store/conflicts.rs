//! Conflicting transactions: PostgreSQL aborts one, and the service reports it.

use anyhow::{Context as _, ensure};
use firstlight::testing::OtlpReceiver;
use support::{Cases, http};

use super::{
    DEADLINE, Fixture, clients,
    exposition::Exposition,
    symptoms::{Observations, Symptom},
    test_database::Database,
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, observations: &mut Observations) {
    cases.check(
        "deadlock: one request succeeds, the other reports 40P01",
        || {
            let database = fixture.database("deadlock")?;
            let deadlock = Conflict {
                fault: "a deadlock",
                paths: ["/trouble/transfer/1/2", "/trouble/transfer/2/1"],
                code: "40P01",
                symptom: Symptom::Deadlock,
            };
            deadlock.run(&database, observations)?;
            // One transaction has moved 1 between the accounts, and the other was rolled back.
            let [one, two] = database.numbers(BALANCES)?;
            ensure!(
                one + two == 200 && (one - two).abs() == 2,
                "found balances of {one} and {two}, expected one transfer"
            );
            Ok(())
        },
    );
    cases.check(
        "serialization: one request succeeds, the other reports 40001",
        || {
            let database = fixture.database("serialization")?;
            let failure = Conflict {
                fault: "a serialization failure",
                paths: ["/trouble/withdraw/3", "/trouble/withdraw/3"],
                code: "40001",
                symptom: Symptom::Serialization,
            };
            failure.run(&database, observations)?;
            let balance = database.number("SELECT balance FROM accounts WHERE id = 3")?;
            ensure!(
                balance == 99,
                "found a balance of {balance}, expected one withdrawal from 100"
            );
            Ok(())
        },
    );
}

/// Two requests whose transactions conflict.
///
/// Each request waits for the other between its statements, so the transactions always conflict.
struct Conflict {
    fault: &'static str,
    paths: [&'static str; 2],
    /// The SQLSTATE of the aborted transaction.
    code: &'static str,
    symptom: Symptom,
}

impl Conflict {
    fn run(&self, database: &Database<'_>, observations: &mut Observations) -> anyhow::Result<()> {
        let collector = OtlpReceiver::start()?;
        let mut service = database.serve_traced(Some(&collector.endpoint()), &[])?;
        let answers = clients::run_concurrently(2, |number| {
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
        // The request is valid and may succeed if it is repeated, so the answer is 503.
        ensure!(
            super::is_unavailable(answer),
            "the victim: found {answer:?}, expected 503 and {}",
            super::UNAVAILABLE
        );

        let exposition = Exposition::scrape(&service)?;
        let count = self.symptom.count(&exposition);
        ensure!(
            count == 1.0,
            "the metric counts {} {count} times, expected once",
            self.code
        );
        observations.record(self.fault, &exposition);

        let trace = format!("{:032x}", victim + 1);
        service.wait_for_log("the database's error", |log| {
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
        let spans = collector.wait_for(DEADLINE, |spans| spans.iter().any(failed));
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
            "expected the victim's UPDATE with the status error, found {span:?}"
        );
        let readiness = http::get(&format!("{}/readyz", service.admin))
            .context("/readyz after the conflict")?;
        ensure!(
            readiness.status == 200,
            "/readyz after the conflict: {readiness:?}"
        );
        service.stop()
    }
}

/// Text in the error's log line, from its chain of causes.
const REASON: &str = "error returned from database";
const BALANCES: &str = "
    SELECT MAX(balance) FILTER (WHERE id = 1), MAX(balance) FILTER (WHERE id = 2) FROM accounts";

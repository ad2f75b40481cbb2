//! Messages of Kafka, with the brokers that librdkafka has for tests.

use anyhow::ensure;
use support::Cases;

use super::{
    Programs,
    program_run::{Run, expect_attributes},
};

pub(super) fn cases(cases: &mut Cases, programs: &Programs) {
    cases.check("kafka: a message continues its request's trace", || {
        check(programs)
    });
}

fn check(programs: &Programs) -> anyhow::Result<()> {
    let setting = ("OTEL_SERVICE_NAME", "kafka");
    let requests = [("POST", "/orders", 202)];
    let run = Run::until(programs, "kafka", setting, &requests, |log| {
        log.iter()
            .any(|line| line.text("message") == "order shipped")
    })?;
    let sent = run.span("send orders", "POST /orders")?;
    ensure!(sent.kind == "producer", "{sent:?}");
    let processed = run.span("process orders", "send orders")?;
    ensure!(processed.kind == "consumer", "{processed:?}");
    ensure!(processed.trace_id == sent.trace_id, "{processed:?}");
    expect_attributes(processed, &[("messaging.system", "kafka")])?;
    let line = run.expect_line("order shipped")?;
    ensure!(line.trace_id() == sent.trace_id, "{}", line.raw);
    Ok(())
}

//! A run of one program: its requests, and the telemetry that it leaves.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use firstlight::testing::{OtlpReceiver, ReceivedSpan};
use serde_json::Value;
use support::http;

use super::Programs;
use crate::{
    log_line::LogLine,
    openmetrics::{self, Sample},
    service::Service,
};

/// How long a program may take for work that no request waits for.
const DEADLINE: Duration = Duration::from_secs(60);

/// The telemetry of a program that has ended.
pub(super) struct Run {
    pub(super) spans: Vec<ReceivedSpan>,
    pub(super) exposition: Vec<Sample>,
    pub(super) log: Vec<LogLine>,
    /// What `/telemetry` said at the end.
    pub(super) telemetry: Value,
}

impl Run {
    /// Starts a program, sends the requests in turn, and stops it.
    ///
    /// A request is a method, a path, and the expected status.
    pub(super) fn of(
        programs: &Programs,
        name: &str,
        setting: (&str, &str),
        requests: &[(&str, &str, u16)],
    ) -> anyhow::Result<Self> {
        Self::until(programs, name, setting, requests, |_| true)
    }

    /// Like [`Run::of`]; stops the program only once `is_done` accepts its log.
    pub(super) fn until(
        programs: &Programs,
        name: &str,
        setting: (&str, &str),
        requests: &[(&str, &str, u16)],
        is_done: fn(&[LogLine]) -> bool,
    ) -> anyhow::Result<Self> {
        let collector = OtlpReceiver::start()?;
        let settings = [("ADDRESS", "127.0.0.1:0"), setting];
        let program = programs.0.join(name);
        let mut service = Service::start(&program, Some(&collector.endpoint()), &settings)?;
        for (method, path, status) in requests {
            let answer = http::send(method, &service.url(path), &[], "")?;
            ensure!(
                answer.status == *status,
                "{method} {path}: found {}, expected {status}; the log:\n{}",
                answer.status,
                service.output().join("\n")
            );
        }
        let deadline = Instant::now() + DEADLINE;
        while !is_done(&service.log()) {
            let log = service.output().join("\n");
            ensure!(Instant::now() < deadline, "waited in vain; the log:\n{log}");
            thread::sleep(Duration::from_millis(100));
        }
        let exposition = openmetrics::fetch(&service.metrics_url())?;
        let url = format!("{}/telemetry", service.admin);
        let telemetry = http::send("GET", &url, &[("accept", "application/json")], "")?.body;
        service.stop()?;
        Ok(Self {
            // The program has flushed.
            spans: collector.spans(),
            exposition,
            log: service.log(),
            telemetry: serde_json::from_str(&telemetry)?,
        })
    }

    /// The span of this name below the span of a request.
    pub(super) fn span(&self, name: &str, request: &str) -> anyhow::Result<&ReceivedSpan> {
        let requests = self.spans.iter().filter(|span| span.name == request);
        let ids: Vec<_> = requests.map(|span| &span.span_id).collect();
        let mut named = self.spans.iter().filter(|span| span.name == name);
        let found = named.find(|span| ids.contains(&&span.parent_span_id));
        found.with_context(|| {
            let names: Vec<_> = self.spans.iter().map(|span| &span.name).collect();
            format!("no span {name:?} below {request:?} among {names:?}")
        })
    }

    /// Checks that the exposition has a sample with these labels and this value.
    pub(super) fn expect_sample(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) -> anyhow::Result<()> {
        let of_name: Vec<_> = self
            .exposition
            .iter()
            .filter(|it| it.name == name)
            .collect();
        let has_labels =
            |it: &&&Sample| labels.iter().all(|(label, text)| it.label(label) == *text);
        let found = of_name.iter().find(has_labels);
        ensure!(
            found.is_some_and(|it| it.value == value),
            "{name}: expected {value} with {labels:?}, found {:#?}",
            of_name.iter().map(|it| &it.line).collect::<Vec<_>>()
        );
        Ok(())
    }

    /// Checks that a log line begins with this text.
    pub(super) fn expect_line(&self, start: &str) -> anyhow::Result<&LogLine> {
        let mut lines = self.log.iter();
        let found = lines.find(|line| line.text("message").starts_with(start));
        found.with_context(|| {
            let lines: Vec<_> = self.log.iter().map(|line| &line.raw).collect();
            format!("no log line {start:?} among {lines:#?}")
        })
    }
}

/// Checks the attributes of a span; an empty text stands for none.
pub(super) fn expect_attributes(
    span: &ReceivedSpan,
    expected: &[(&str, &str)],
) -> anyhow::Result<()> {
    for (name, expected) in expected {
        let found = span.attributes.get(*name).map_or("", String::as_str);
        ensure!(
            found == *expected,
            "{}: {name}: found {found:?}, expected {expected:?}",
            span.name
        );
    }
    Ok(())
}

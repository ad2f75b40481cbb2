//! Prints the demo's results signal by signal, with the trace id in one color.

use e2e::{
    correlation::{HISTOGRAM, OneRequest},
    log_line::LogLine,
    openmetrics::Sample,
    service::Service,
};
use firstlight::testing::waterfall;
use support::ui;

use super::{
    rows::text,
    story::{self, Observation, Order},
    unsampled::Unsampled,
};

pub(super) fn rows(order: &Order) {
    ui::heading("An order: accepted, then processed by a job");
    ui::line("  POST /orders stores the order and its job in one transaction, and answers 202.");
    ui::line(ui::quiet(
        "  The rows in the database, right after the answer and once the job is done:",
    ));
    let (then, now) = (&order.accepted, &order.done);
    for (table, then, now) in [
        ("orders", &then.order, &now.order),
        ("Jobs", &then.job, &now.job),
    ] {
        ui::line(format!("\n  a row of {}", ui::strong(table)));
        for column in now.keys() {
            let (then, now) = (text(then, column), text(now, column));
            let value = match (then == now, then.is_empty()) {
                (true, _) => now,
                (false, true) => format!("then nothing, now {now}"),
                (false, false) => format!("then {then}, now {now}"),
            };
            // The job's metadata holds the trace context.
            let trace_id = &order.request.trace_id;
            let value = value.replace(trace_id, &ui::accent(trace_id).to_string());
            ui::line(format!("      {column:<18} {value}"));
        }
    }
}

pub(crate) fn logs(request: &OneRequest) {
    ui::heading("Logs: what happened");
    ui::line(ui::quiet(format!(
        "  {} lines of the service's JSON log carry this trace id:",
        request.log.len()
    )));
    for line in &request.log {
        ui::line("");
        log_line(line);
    }
}

fn log_line(line: &LogLine) {
    let level = line.text("level");
    let level = if level == "ERROR" || level == "WARN" {
        ui::bad(level)
    } else {
        ui::good(level)
    };
    ui::line(format!(
        "  {} {level} {}",
        ui::quiet(line.text("timestamp")),
        ui::strong(line.text("message"))
    ));
    for name in line.names() {
        match name {
            "timestamp" | "level" | "message" => {}
            "trace_id" => ui::line(format!("      {name:<30} {}", ui::accent(line.trace_id()))),
            _ => ui::line(format!("      {name:<30} {}", line.text(name))),
        }
    }
}

pub(crate) fn metrics(request: &OneRequest) {
    ui::heading("Metrics: is it healthy, and which request shows it is not");
    ui::line(ui::quiet(
        "  A line of /metrics, fetched as OpenMetrics the way Prometheus does:\n",
    ));
    let line = &request.bucket.line;
    let trace_id = ui::accent(&request.trace_id).to_string();
    ui::line(format!(
        "  {}\n",
        line.replace(&request.trace_id, &trace_id)
    ));
    let Sample { value: count, .. } = request.bucket;
    let (upper, exemplar) = (request.bucket.label("le"), &request.exemplar);
    let route = format!(
        "{} {}",
        request.bucket.label("http_request_method"),
        request.bucket.label("http_route")
    );
    let status = request.bucket.label("http_response_status_code");
    ui::line(format!(
        "  {HISTOGRAM} counts requests by how long they took."
    ));
    ui::line(format!(
        "  {count} of those to {route} with status {status} took at most {upper} s."
    ));
    ui::line(format!(
        "  This one took {:.3} s: more than {} s, the bucket below, and at most {upper} s.",
        exemplar.value, request.lower_bound
    ));
    ui::line(
        "  The text after the # is the bucket's exemplar, which names one of the requests that it counted.",
    );
}

pub(crate) fn traces(request: &OneRequest) {
    ui::heading("Traces: where the time went, across the queue");
    let resource = request.spans.first().map(|span| &span.resource);
    let attribute = |name| {
        resource
            .and_then(|resource| resource.get(name))
            .map_or("?", String::as_str)
    };
    ui::line(format!(
        "  trace {} from {} {}\n",
        ui::accent(&request.trace_id),
        attribute("service.name"),
        attribute("service.version")
    ));

    let names = request
        .spans
        .iter()
        .map(|span| span.name.chars().count())
        .max()
        .unwrap_or_default();
    // The bars share the line with the indented name, the kind, the duration and the status.
    let label_width = (names + 8).min(40);
    let columns = ui::width().saturating_sub(label_width + 32).max(10);
    for row in waterfall::rows(&request.spans, columns) {
        let label = format!("{}{}", "  ".repeat(row.depth), row.name);
        let label = ui::truncated(&label, label_width);
        let blank = " ".repeat(row.offset);
        let bar = "█".repeat(row.length);
        let rest = " ".repeat(columns.saturating_sub(row.offset + row.length));
        let is_error = row.status == "error";
        let bar = if is_error {
            ui::bad(bar)
        } else {
            ui::good(bar)
        };
        let status = if is_error {
            format!("  {}", ui::bad(row.status))
        } else {
            String::new()
        };
        let milliseconds = row.duration.as_secs_f64() * 1000.0;
        ui::line(format!(
            "  {label:<label_width$} {:<9} {blank}{bar}{rest} {milliseconds:>8.1} ms{status}",
            row.kind
        ));
    }
}

pub(crate) fn agreement(request: &OneRequest) {
    ui::heading("The same trace id is in all three");
    let trace_id = ui::accent(&request.trace_id);
    for (signal, found) in [
        ("logs", format!("{} lines", request.log.len())),
        ("metrics", "1 exemplar".to_owned()),
        ("traces", format!("{} spans", request.spans.len())),
    ] {
        ui::line(format!("  {signal:<10} {trace_id}  {found}"));
    }
}

pub(super) fn job(service: &Service) -> anyhow::Result<()> {
    ui::heading("Jobs: how long they wait, and how long they take");
    for (metric, what) in [
        ("worker_task_wait_seconds_sum", "waited for the worker"),
        ("worker_task_run_seconds_sum", "ran"),
        (
            "worker_task_accepted_to_done_seconds_sum",
            "from the 202 to the end",
        ),
    ] {
        let samples = story::samples(service, metric)?;
        let seconds: f64 = samples.iter().map(|sample| sample.value).sum();
        ui::line(format!(
            "  {metric:<42} {seconds:>7.3} s  {what}, all together"
        ));
    }
    for sample in story::samples(service, "worker_queue_latency_budget_seconds")? {
        ui::line(format!(
            "  {:<42} {:>7.0} s  the longest that a job may wait, which alerts read",
            sample.name, sample.value
        ));
    }
    Ok(())
}

pub(super) fn n_plus_one(detected: &Observation) {
    ui::heading("An N+1, detected");
    ui::line(ui::quiet(
        "  GET /orders/report, added for this demo, runs one query per order. The library detects it.\n",
    ));
    log_line(&detected.line);
    ui::line(format!("\n  {}", detected.sample.line));
}

pub(super) fn scheduled_run(run: &Observation) {
    ui::heading("A scheduled run");
    ui::line(ui::quiet(
        "  The schedule runs every two seconds, once across all replicas. Real schedules run less often.\n",
    ));
    log_line(&run.line);
    ui::line(format!("\n  {}", run.sample.line));
}

pub(super) fn unsampled(found: &Unsampled) {
    ui::heading("A failed request that no collector has");
    ui::line(ui::quiet(
        "  Another instance samples 1 % of its traces. GET /orders/1/invoice, added for this demo, fails, and its trace is not\n  sampled: the collector has no span of it. The service itself still has all of it.",
    ));
    for (path, answer) in [
        ("traces?failed".to_owned(), &found.failed),
        (format!("traces/{}", found.trace_id), &found.trace),
    ] {
        let trace_id = ui::accent(&found.trace_id).to_string();
        ui::line(
            format!("\n  $ curl '{}/{path}'", found.admin).replace(&found.trace_id, &trace_id),
        );
        for line in answer.lines() {
            let line = format!("  {line}").replace(&found.trace_id, &trace_id);
            ui::line(line.trim_end());
        }
    }
}

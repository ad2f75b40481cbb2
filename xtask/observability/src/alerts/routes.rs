//! The configuration of Alertmanager: receivers, routes and inhibition rules.

use super::{alert_files::HEAD_OF_EXAMPLE, timing::Timing};

/// The addresses of the receivers.
#[derive(Debug, Clone, Copy)]
pub struct Receivers<'a> {
    /// Receives critical alerts at any hour.
    pub page: &'a str,
    /// Receives alerts for which it opens tickets.
    pub ticket: &'a str,
    /// Receives the watchdog, and raises an alarm when it stops.
    pub heartbeat: &'a str,
}

/// Example addresses, which users replace in their copy.
pub(super) const EXAMPLE: Receivers<'static> = Receivers {
    page: "https://pager.example.com/alerts",
    ticket: "https://tickets.example.com/alerts",
    heartbeat: "https://heartbeat.example.com/ping",
};

/// The configuration, with waits scaled by `timing`.
pub fn config(timing: Timing, receivers: &Receivers<'_>) -> String {
    text(timing, receivers, "")
}

/// The configuration of a new service, with the receivers as comments.
///
/// Alertmanager shows every alert, but sends none until the receivers are configured. An example address would cause an error
/// every minute.
pub(super) fn silent() -> String {
    text(Timing::Production, &EXAMPLE, "#")
}

/// The configuration, with `mark` before each line of the receivers' addresses.
fn text(timing: Timing, receivers: &Receivers<'_>, mark: &str) -> String {
    let Receivers {
        page,
        ticket,
        heartbeat,
    } = receivers;
    let text = timing.apply(ROUTES);
    let receiver = |name: &str, url: &str, resolved: bool, hint: &str| {
        format!(
            "  - name: {name}\n    {mark}webhook_configs:\n    {mark}  # {hint}\n    {mark}  - url: {url}\n    {mark}    send_resolved: {resolved}\n"
        )
    };
    let pager = receiver(
        "pager",
        page,
        true,
        "pagerduty_configs, opsgenie_configs or pushover_configs, to page the operator on call.",
    );
    let tickets = receiver(
        "tickets",
        ticket,
        true,
        "Creates a ticket, or a message in a channel.",
    );
    let heartbeat = receiver(
        "heartbeat",
        heartbeat,
        false,
        "A service outside this cluster that raises an alarm when the pings stop.",
    );
    format!(
        "{HEAD_OF_EXAMPLE}{text}\nreceivers:\n{pager}\n{tickets}\n{heartbeat}\n  # Alerts of severity info are shown on dashboards only.\n  - name: none\n{INHIBITIONS}"
    )
}

const ROUTES: &str = "\
route:
  # One notification for each alert of each service, for all of its queues and instances.
  group_by: [alertname, cluster, namespace, job]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 12h
  receiver: tickets
  routes:
    - matchers: [alertname = Watchdog]
      receiver: heartbeat
      group_wait: 0s
      group_interval: 1m
      repeat_interval: 1m
    - matchers: [severity = critical]
      receiver: pager
      repeat_interval: 4h
    - matchers: [severity = warning]
      receiver: tickets
    - matchers: [severity = info]
      receiver: none
";

const INHIBITIONS: &str = "
inhibit_rules:
  # A service that is down has other symptoms as well. A label that both alerts lack counts as equal.
  - source_matchers: [alertname =~ \"ServiceDown|ServiceAbsent\"]
    target_matchers: [alertname !~ \"ServiceDown|ServiceAbsent\"]
    equal: [cluster, namespace, job]
  # A page suppresses the ticket for the same objective.
  - source_matchers: [severity = critical]
    target_matchers: [severity = warning]
    equal: [alertname, cluster, namespace, job, queue]
  # A queue grows before it stalls.
  - source_matchers: [alertname = WorkerQueueStalled]
    target_matchers: [alertname = WorkerQueueGrowing]
    equal: [cluster, namespace, job, queue]
  # Calls time out because the pool is exhausted.
  - source_matchers: [alertname = DatabasePoolTimeouts]
    target_matchers: [alertname = DatabasePoolExhausted]
    equal: [cluster, namespace, job, instance, db_client_connection_pool_name]
";

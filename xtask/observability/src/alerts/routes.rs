//! Who is told, and what is left out because something larger says it already.

use super::{output::HEAD_OF_EXAMPLE, timing::Timing};

/// Where each kind of news goes.
#[derive(Debug, Clone, Copy)]
pub struct Receivers<'a> {
    /// For what cannot wait until the morning.
    pub page: &'a str,
    /// Makes a ticket.
    pub ticket: &'a str,
    /// Raises the alarm when it hears nothing.
    pub heartbeat: &'a str,
}

/// To be replaced in a copy of the file.
pub(super) const EXAMPLE: Receivers<'static> = Receivers {
    page: "https://pager.example.com/alerts",
    ticket: "https://tickets.example.com/alerts",
    heartbeat: "https://heartbeat.example.com/ping",
};

/// The configuration, for [`Timing::Scaled`] with waits to match.
pub fn config(timing: Timing, receivers: &Receivers<'_>) -> String {
    text(timing, receivers, "")
}

/// For a service that is new: every alert can be seen in Alertmanager, and is sent nowhere until receivers are named. An address
/// that does not answer would be an error a minute.
pub(super) fn silent() -> String {
    text(Timing::Production, &EXAMPLE, "#")
}

/// `mark` begins each line that says where to send something.
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
        "pagerduty_configs, opsgenie_configs, pushover_configs: whatever wakes people.",
    );
    let tickets = receiver(
        "tickets",
        ticket,
        true,
        "What makes a ticket or a message in a channel.",
    );
    let heart = receiver(
        "heartbeat",
        heartbeat,
        false,
        "A service outside of this cluster that raises the alarm when the pings stop.",
    );
    format!(
        "{HEAD_OF_EXAMPLE}{text}\nreceivers:\n{pager}\n{tickets}\n{heart}\n  # Info is for dashboards.\n  - name: none\n{INHIBITIONS}"
    )
}

const ROUTES: &str = "\
route:
  # One notification for each kind of trouble of each service, however many queues or instances have it.
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
  # A label that neither has is equal. A service that is down has every other trouble as well.
  - source_matchers: [alertname =~ \"ServiceDown|ServiceAbsent\"]
    target_matchers: [alertname !~ \"ServiceDown|ServiceAbsent\"]
    equal: [cluster, namespace, job]
  # The page is enough: the ticket for the same thing can wait.
  - source_matchers: [severity = critical]
    target_matchers: [severity = warning]
    equal: [alertname, cluster, namespace, job, queue]
  # It has grown until it stalled.
  - source_matchers: [alertname = WorkerQueueStalled]
    target_matchers: [alertname = WorkerQueueGrowing]
    equal: [cluster, namespace, job, queue]
  # Who gives up waiting for a pool has waited for it.
  - source_matchers: [alertname = DatabasePoolTimeouts]
    target_matchers: [alertname = DatabasePoolExhausted]
    equal: [cluster, namespace, job, instance, db_client_connection_pool_name]
";

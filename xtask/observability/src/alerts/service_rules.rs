//! The rules of a generated service: its own alerts, and its objectives.
//!
//! The rules for every service with firstlight are not among them, because a cluster has those once.

use super::{emit, objectives, operator, timing::Timing};

/// The service's name in the generated text, which the template fills in.
const NAME: &str = "name-of-the-service";

/// The rules that a Prometheus of compose loads, as a Liquid template.
pub(super) fn plain() -> String {
    let about = "# The rules of this service: its own alerts, and its objectives. Prometheus also loads those for every service with\n\
                 # firstlight, from deploy/compose/platform/alerts.\n\n";
    let job = format!("job=\"{NAME}\"");
    liquid(&format!("{about}{}", file(&job, None)), "{{project-name}}")
}

/// The rules as a resource for the Prometheus Operator, as a Liquid template.
pub(super) fn resource() -> String {
    let about = "# The rules of this service: its own alerts, and its objectives. Those for every service with firstlight are applied\n\
                 # once in each cluster, see README.md, \"Watch it\".\n\n";
    let namespace = "{{namespace}}";
    let job = format!("namespace=\"{namespace}\",job=\"{NAME}\"");
    let label = format!("app.kubernetes.io/name: {NAME}");
    let resource = operator::resource(NAME, &label, &file(&job, Some(namespace)));
    liquid(&format!("{about}{resource}"), "{{dns_name}}")
}

/// A rule file whose rules are comments.
///
/// The names of groups begin with the service's name, so that two services are distinguishable in Prometheus.
fn file(selector: &str, namespace: Option<&'static str>) -> String {
    let mut text = "groups:\n".to_owned();
    text += &emit::comment(
        2,
        "Alerts and recording rules of your own. For the first one, delete the brackets and uncomment the example. Alerts with \
         the severity critical page, and those with warning are tickets. tests/observability.rs fails if an expression \
         names a metric that does not exist.",
    );
    text += &format!("  - name: {NAME}\n    rules: []\n");
    text += &commented(&format!(
        "      - alert: ClientErrors
        expr: |
          sum by (cluster, namespace, job) (rate(http_server_request_duration_seconds_count{{{selector},http_response_status_code=~\"4..\"}}[5m])) > 1
        for: 15m
        labels:
          severity: warning
        annotations:
          summary: Clients get more than one error a second.
"
    ));
    text.push('\n');
    let about = format!(
        "The objectives of the service. Only declared objectives page. To declare them, uncomment the group. {}",
        objectives::MEANING
    );
    text += &emit::comment(2, &about);
    let mut group = format!("  - name: {NAME}-objectives\n    rules:\n");
    for record in objectives::example(NAME) {
        let record = match namespace {
            Some(namespace) => record.label("namespace", namespace),
            None => record,
        };
        group += &record.to_yaml(Timing::Production);
    }
    text + &commented(&group)
}

/// Lines as comments, at the indent of the first one.
fn commented(lines: &str) -> String {
    let indent = lines.len() - lines.trim_start().len();
    let space = " ".repeat(indent);
    let lines = lines.lines();
    let commented =
        lines.map(|line| format!("{space}# {}\n", line.get(indent..).unwrap_or_default()));
    commented.collect()
}

fn liquid(text: &str, placeholder: &str) -> String {
    text.replace(NAME, placeholder)
}

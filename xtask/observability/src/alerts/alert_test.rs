//! A rehearsal of one alert for `promtool test rules`: what the metrics say minute by minute, and what the alert makes of it.
//!
//! Each fires, stays quiet in a transient, and resolves when its cause is gone. That none fires without any data is one alert test of its
//! own, of all alerts at once.

use super::{alert::Alert, emit, timing::Timing};

/// One test of a test file.
#[derive(Debug, Clone)]
pub(super) struct AlertTest {
    alert: &'static str,
    name: String,
    series: Vec<(String, String)>,
    pub(super) moments: Vec<Moment>,
}

/// What the alert does at a minute of the alert test.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    minute: u32,
    pub(super) expected: Expected,
}

#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// It is quiet, although something looks wrong.
    Transient,
    /// It fires, with these labels of the series and of the rule, and says this.
    Fires {
        labels: Vec<(&'static str, String)>,
        says: String,
    },
    /// It fires with these labels among others, whatever it says.
    Firing { labels: Vec<(&'static str, String)> },
    /// Whatever it does, this query has one series.
    Recorded { query: String },
    /// It is quiet again; of several alerts of one name, the one with this label.
    Resolved {
        only: Option<(&'static str, String)>,
    },
}

impl AlertTest {
    pub(super) fn of(alert: &'static str, name: impl Into<String>) -> Self {
        Self {
            alert,
            name: name.into(),
            series: Vec::new(),
            moments: Vec::new(),
        }
    }

    /// A series with a value for each minute, in promtool's notation: `0x5 1+2x3` is five more zeros after the first, then 1, 3, 5, 7.
    pub(super) fn series(mut self, series: &str, values: impl Into<String>) -> Self {
        self.series.push((series.to_owned(), values.into()));
        self
    }

    /// A process with firstlight, by the labels of its target: `V` in the values stands for what it exports of itself while it is
    /// scraped, and `started` is the second of its start.
    pub(super) fn process(self, target: &str, started: i32, values: &str) -> Self {
        let build = format!(r#"build_info{{{target},version="1.0.0",firstlight_version="0.1.0"}}"#);
        let start = format!("process_start_time_seconds{{{target}}}");
        self.series(&build, values.replace('V', "1"))
            .series(&start, values.replace('V', &started.to_string()))
    }

    /// It fires, of several of its name, where the labels are these.
    pub(super) fn firing(self, minute: u32, labels: &[(&'static str, &str)]) -> Self {
        let labels = labels.iter();
        let labels = labels.map(|(name, value)| (*name, (*value).to_owned()));
        let labels = labels.collect();
        self.moment(minute, Expected::Firing { labels })
    }

    /// The rules have recorded what it looks at: `query` has one series.
    pub(super) fn recorded(self, minute: u32, query: impl Into<String>) -> Self {
        let query = query.into();
        self.moment(minute, Expected::Recorded { query })
    }

    pub(super) fn transient(self, minute: u32) -> Self {
        self.moment(minute, Expected::Transient)
    }

    /// What it says may have a value in it that is recorded: choose a minute before which that has not changed for a while, because
    /// promtool evaluates the groups of one moment in any order.
    pub(super) fn fires(
        self,
        minute: u32,
        labels: &[(&'static str, &str)],
        says: impl Into<String>,
    ) -> Self {
        let labels = labels
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let (labels, says) = (labels.collect(), says.into());
        self.moment(minute, Expected::Fires { labels, says })
    }

    pub(super) fn resolved(self, minute: u32) -> Self {
        self.moment(minute, Expected::Resolved { only: None })
    }

    /// Where others of the same name may still fire.
    pub(super) fn resolved_only(self, minute: u32, label: &'static str, value: &str) -> Self {
        let only = Some((label, value.to_owned()));
        self.moment(minute, Expected::Resolved { only })
    }

    fn moment(mut self, minute: u32, expected: Expected) -> Self {
        self.moments.push(Moment { minute, expected });
        self
    }

    pub(super) fn alert(&self) -> &'static str {
        self.alert
    }

    /// As an entry of `tests`; `alerts` are all rules of this alert test's name.
    pub(super) fn to_yaml(&self, alerts: &[&Alert]) -> String {
        let mut text = format!(
            "  - name: {}\n",
            emit::scalar(&format!("{}: {}", self.alert, self.name))
        );
        text += "    interval: 1m\n    input_series:\n";
        for (series, values) in &self.series {
            text += &format!("      - series: {}\n", emit::scalar(series));
            text += &emit::entry(8, "values", values);
        }
        let (whole, parts): (Vec<_>, Vec<_>) = self.moments.iter().partition(|moment| {
            !matches!(
                moment.expected,
                Expected::Resolved { only: Some(_) }
                    | Expected::Firing { .. }
                    | Expected::Recorded { .. }
            )
        });
        if !whole.is_empty() {
            text += "    alert_rule_test:\n";
        }
        text += &whole
            .iter()
            .map(|moment| self.rule_test(moment, alerts))
            .collect::<String>();
        if !parts.is_empty() {
            text += "    promql_expr_test:\n";
        }
        text += &parts
            .iter()
            .map(|moment| self.query_test(moment))
            .collect::<String>();
        text
    }

    fn rule_test(&self, moment: &Moment, alerts: &[&Alert]) -> String {
        let minute = moment.minute;
        let mut text = match moment.expected {
            Expected::Transient => "      # A transient.\n".to_owned(),
            Expected::Fires { .. } | Expected::Firing { .. } | Expected::Recorded { .. } => {
                String::new()
            }
            Expected::Resolved { .. } => "      # It is over.\n".to_owned(),
        };
        text += &format!(
            "      - eval_time: {minute}m\n        alertname: {}\n",
            self.alert
        );
        let Expected::Fires { labels, says } = &moment.expected else {
            return text + "        exp_alerts: []\n";
        };
        let told_by = |alert: &&&Alert| {
            let own = alert.own_labels(Timing::Production);
            own.iter().skip(1).all(|label| labels.contains(label))
        };
        let Some(alert) = alerts.iter().find(told_by) else {
            return text;
        };
        text += "        exp_alerts:\n          - exp_labels:\n";
        let severity = alert.own_labels(Timing::Production).into_iter().take(1);
        for (name, value) in severity.chain(labels.iter().cloned()) {
            text += &emit::entry(14, name, &value);
        }
        text += "            exp_annotations:\n";
        for (name, template) in alert.annotations(Timing::Production) {
            let value = if name == "description" {
                says.clone()
            } else {
                filled(&template, labels)
            };
            text += &emit::entry(14, name, &value);
        }
        text
    }

    fn query_test(&self, moment: &Moment) -> String {
        let alerts = |labels: &str| {
            format!(
                "ALERTS{{alertname=\"{}\",alertstate=\"firing\"{labels}}}",
                self.alert
            )
        };
        let label = |(name, value): &(&str, String)| format!(",{name}=\"{value}\"");
        let minute = moment.minute;
        let one = |query: &str| {
            format!(
                "      - expr: {}\n        eval_time: {minute}m\n        exp_samples: [{{ labels: '{{}}', value: 1 }}]\n",
                emit::scalar(&format!("count({query})"))
            )
        };
        match &moment.expected {
            Expected::Recorded { query } => one(query),
            Expected::Resolved { only: Some(only) } => format!(
                "      # It is over.\n      - expr: {}\n        eval_time: {minute}m\n        exp_samples: []\n",
                alerts(&label(only))
            ),
            Expected::Firing { labels } => {
                one(&alerts(&labels.iter().map(label).collect::<String>()))
            }
            _ => String::new(),
        }
    }
}

/// The template with the labels' values in it; a label that is not there is nothing.
fn filled(template: &str, labels: &[(&'static str, String)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in labels {
        text = text.replace(&format!("{{{{ $labels.{name} }}}}"), value);
    }
    // `{{ with $labels.x }}…{{ . }}…{{ end }}`, of which there is one level.
    while let Some((before, rest)) = text.split_once("{{ with $labels.") {
        let (label, rest) = rest.split_once(" }}").unwrap_or((rest, ""));
        let (inside, after) = rest.split_once("{{ end }}").unwrap_or((rest, ""));
        let value = labels.iter().find(|(name, _)| *name == label);
        let inside = value.map_or_else(String::new, |(_, value)| inside.replace("{{ . }}", value));
        text = format!("{before}{inside}{after}");
    }
    text
}

/// The alert test without a single series: nothing fires but what always does.
pub(super) fn silence(alerts: &[&'static str], always: &str) -> String {
    let mut text = "  - name: nothing is known, and nothing is claimed\n    interval: 1m\n    input_series: []\n    alert_rule_test:\n".to_owned();
    for name in alerts.iter().filter(|name| **name != always) {
        text +=
            &format!("      - eval_time: 1h\n        alertname: {name}\n        exp_alerts: []\n");
    }
    text
}

/// A test file: its head, and the tests. The groups of the objectives are evaluated every 30 s; a day takes less.
pub(super) fn file(tests: &[String], interval: &str) -> String {
    format!(
        "rule_files:\n  - ../objectives.yml\n  - ../firstlight.rules.yml\n\nevaluation_interval: {interval}\n\ntests:\n{}",
        tests.join("\n")
    )
}

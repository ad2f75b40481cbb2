//! A test of one alert, for `promtool test rules`.
//!
//! It lists the values of the input series minute by minute, and the expected state of the alert. Every alert must fire, not
//! fire for a transient, and resolve after its cause is gone. A separate test checks that no alert fires without data.

use super::{alert::Alert, emit, timing::Timing};

/// A builder of one test of a test file.
#[derive(Debug, Clone)]
pub(super) struct AlertTest {
    alert: &'static str,
    name: String,
    series: Vec<(String, String)>,
    pub(super) moments: Vec<Moment>,
}

/// The expected state of the alert at a minute of the test.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    minute: u32,
    pub(super) expected: Expected,
}

/// An expectation at a minute of the test.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// The alert does not fire during a transient.
    Transient,
    /// The alert fires with exactly these labels and this description.
    Fires {
        labels: Vec<(&'static str, String)>,
        description: String,
    },
    /// An alert with at least these labels fires, with any description.
    Firing { labels: Vec<(&'static str, String)> },
    /// This query has one series. The state of the alert is not checked.
    Recorded { query: String },
    /// The alert no longer fires.
    ///
    /// If `only` has a label, alerts without it may still fire.
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

    /// Adds an input series with a value for each minute, in promtool's notation.
    ///
    /// `0x5 1+2x3` is 0 and five more zeros, then 1, 3, 5, 7.
    pub(super) fn series(mut self, series: &str, values: impl Into<String>) -> Self {
        self.series.push((series.to_owned(), values.into()));
        self
    }

    /// Adds the series of a process with firstlight: its build and its start time.
    ///
    /// `target` has the labels of the target, and `started` is the start time in seconds. `V` in `values` stands for the
    /// value of each series at a successful scrape.
    pub(super) fn process(self, target: &str, started: i32, values: &str) -> Self {
        let build = format!(r#"build_info{{{target},version="1.0.0",firstlight_version="0.1.0"}}"#);
        let start = format!("process_start_time_seconds{{{target}}}");
        self.series(&build, values.replace('V', "1"))
            .series(&start, values.replace('V', &started.to_string()))
    }

    /// Expects an alert with at least these labels to fire.
    pub(super) fn firing(self, minute: u32, labels: &[(&'static str, &str)]) -> Self {
        let labels = labels.iter();
        let labels = labels.map(|(name, value)| (*name, (*value).to_owned()));
        let labels = labels.collect();
        self.moment(minute, Expected::Firing { labels })
    }

    /// Expects `query`, over recorded series, to have one series.
    pub(super) fn recorded(self, minute: u32, query: impl Into<String>) -> Self {
        let query = query.into();
        self.moment(minute, Expected::Recorded { query })
    }

    /// Expects the alert not to fire during a transient.
    pub(super) fn transient(self, minute: u32) -> Self {
        self.moment(minute, Expected::Transient)
    }

    /// Expects the alert to fire with exactly these labels and this description.
    ///
    /// The description may contain a recorded value. That value must be stable for some minutes before `minute`, because
    /// promtool evaluates the groups of one moment in any order.
    pub(super) fn fires(
        self,
        minute: u32,
        labels: &[(&'static str, &str)],
        description: impl Into<String>,
    ) -> Self {
        let labels = labels
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let (labels, description) = (labels.collect(), description.into());
        self.moment(
            minute,
            Expected::Fires {
                labels,
                description,
            },
        )
    }

    /// Expects no alert of the name to fire, after the cause is gone.
    pub(super) fn resolved(self, minute: u32) -> Self {
        self.moment(minute, Expected::Resolved { only: None })
    }

    /// Expects no alert with this label to fire.
    ///
    /// Alerts of the name without the label may still fire.
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

    /// The test as an entry of `tests`.
    ///
    /// `alerts` are all rules with the name of the tested alert.
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
        let (rule_tests, query_tests): (Vec<_>, Vec<_>) = self.moments.iter().partition(|moment| {
            !matches!(
                moment.expected,
                Expected::Resolved { only: Some(_) }
                    | Expected::Firing { .. }
                    | Expected::Recorded { .. }
            )
        });
        if !rule_tests.is_empty() {
            text += "    alert_rule_test:\n";
        }
        text += &rule_tests
            .iter()
            .map(|moment| self.rule_test(moment, alerts))
            .collect::<String>();
        if !query_tests.is_empty() {
            text += "    promql_expr_test:\n";
        }
        text += &query_tests
            .iter()
            .map(|moment| self.query_test(moment))
            .collect::<String>();
        text
    }

    /// A test of the exact alerts at a minute, as an entry of `alert_rule_test`.
    fn rule_test(&self, moment: &Moment, alerts: &[&Alert]) -> String {
        let minute = moment.minute;
        let mut text = match moment.expected {
            Expected::Transient => "      # A transient.\n".to_owned(),
            Expected::Fires { .. } | Expected::Firing { .. } | Expected::Recorded { .. } => {
                String::new()
            }
            Expected::Resolved { .. } => "      # The cause is gone.\n".to_owned(),
        };
        text += &format!(
            "      - eval_time: {minute}m\n        alertname: {}\n",
            self.alert
        );
        let Expected::Fires {
            labels,
            description,
        } = &moment.expected
        else {
            return text + "        exp_alerts: []\n";
        };
        let is_expected = |alert: &&&Alert| {
            let own = alert.own_labels(Timing::Production);
            own.iter().skip(1).all(|label| labels.contains(label))
        };
        let Some(alert) = alerts.iter().find(is_expected) else {
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
                description.clone()
            } else {
                filled(&template, labels)
            };
            text += &emit::entry(14, name, &value);
        }
        text
    }

    /// A test of a query's result at a minute, as an entry of `promql_expr_test`.
    fn query_test(&self, moment: &Moment) -> String {
        let alerts = |labels: &str| {
            format!(
                "ALERTS{{alertname=\"{}\",alertstate=\"firing\"{labels}}}",
                self.alert
            )
        };
        let label = |(name, value): &(&str, String)| format!(",{name}=\"{value}\"");
        let minute = moment.minute;
        let has_one_series = |query: &str| {
            format!(
                "      - expr: {}\n        eval_time: {minute}m\n        exp_samples: [{{ labels: '{{}}', value: 1 }}]\n",
                emit::scalar(&format!("count({query})"))
            )
        };
        match &moment.expected {
            Expected::Recorded { query } => has_one_series(query),
            Expected::Resolved { only: Some(only) } => format!(
                "      # The cause is gone.\n      - expr: {}\n        eval_time: {minute}m\n        exp_samples: []\n",
                alerts(&label(only))
            ),
            Expected::Firing { labels } => {
                has_one_series(&alerts(&labels.iter().map(label).collect::<String>()))
            }
            _ => String::new(),
        }
    }
}

/// Fills in the labels of the template.
///
/// A `with` block of an absent label becomes empty.
fn filled(template: &str, labels: &[(&'static str, String)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in labels {
        text = text.replace(&format!("{{{{ $labels.{name} }}}}"), value);
    }
    // `{{ with $labels.x }}…{{ . }}…{{ end }}`, which is never nested.
    while let Some((before, rest)) = text.split_once("{{ with $labels.") {
        let (label, rest) = rest.split_once(" }}").unwrap_or((rest, ""));
        let (inside, after) = rest.split_once("{{ end }}").unwrap_or((rest, ""));
        let value = labels.iter().find(|(name, _)| *name == label);
        let inside = value.map_or_else(String::new, |(_, value)| inside.replace("{{ . }}", value));
        text = format!("{before}{inside}{after}");
    }
    text
}

/// The test without any series, in which only the `always` alert fires.
pub(super) fn without_data(alerts: &[&'static str], always: &str) -> String {
    let mut text = "  - name: no alert fires without data\n    interval: 1m\n    input_series: []\n    alert_rule_test:\n".to_owned();
    for name in alerts.iter().filter(|name| **name != always) {
        text +=
            &format!("      - eval_time: 1h\n        alertname: {name}\n        exp_alerts: []\n");
    }
    text
}

/// The text of a test file.
///
/// `interval` is how often rules are evaluated: 30 s, or 5 min in a test over a whole day.
pub(super) fn file(tests: &[String], interval: &str) -> String {
    format!(
        "rule_files:\n  - ../objectives.yml\n  - ../firstlight.rules.yml\n\nevaluation_interval: {interval}\n\ntests:\n{}",
        tests.join("\n")
    )
}

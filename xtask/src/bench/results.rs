//! Results of measurements at run time.

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::{
    condition::Condition,
    machine,
    spread::Spread,
    variant::{BARE, VARIANTS, Variant},
};

/// One measurement of one variant.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) variant: &'static Variant,
    pub(crate) condition: Condition,
    pub(crate) round: usize,
    /// The output of `measure`.
    pub(crate) report: Map<String, Value>,
}

impl Sample {
    fn number(&self, what: &str) -> Option<f64> {
        self.report.get(what).and_then(Value::as_f64)
    }
}

/// All measurements of one run.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) host: Vec<(String, String)>,
    pub(crate) requests: u64,
    pub(crate) samples: Vec<Sample>,
}

impl Results {
    /// The spread of one number over all rounds.
    pub(crate) fn spread(
        &self,
        variant: &Variant,
        condition: Condition,
        what: &str,
    ) -> Option<Spread> {
        Spread::from_values(
            self.matching(variant, condition)
                .filter_map(|sample| sample.number(what)),
        )
    }

    pub(crate) fn median(&self, variant: &Variant, condition: Condition, what: &str) -> f64 {
        self.spread(variant, condition, what)
            .map_or(f64::NAN, |spread| spread.median)
    }

    /// Processor time per request over that of the service without telemetry.
    ///
    /// Both are from the same round, so that changes of the machine's load matter less.
    pub(crate) fn added(&self, variant: &Variant, condition: Condition) -> Option<Spread> {
        let bare = |round| {
            self.samples
                .iter()
                .find(|s| s.variant.title == BARE && s.condition == condition && s.round == round)
        };
        Spread::from_values(
            self.matching(variant, condition)
                .filter_map(|sample| Some(sample.number(CPU)? - bare(sample.round)?.number(CPU)?)),
        )
    }

    /// An example of the variant's log lines.
    pub(crate) fn example(&self, variant: &Variant) -> Option<&str> {
        let line = self
            .matching(variant, Condition::TYPICAL)
            .last()?
            .report
            .get("example_line")?
            .as_str()?;
        (!line.is_empty()).then_some(line)
    }

    pub(crate) fn variants(&self) -> impl Iterator<Item = &'static Variant> {
        VARIANTS
            .iter()
            .filter(|variant| self.samples.iter().any(|sample| sample.variant == *variant))
    }

    pub(crate) fn conditions(&self) -> Vec<Condition> {
        Condition::all()
            .into_iter()
            .filter(|condition| {
                self.samples
                    .iter()
                    .any(|sample| sample.condition == *condition)
            })
            .collect()
    }

    pub(crate) fn rounds(&self) -> usize {
        self.samples
            .iter()
            .map(|sample| sample.round + 1)
            .max()
            .unwrap_or_default()
    }

    fn matching(
        &self,
        variant: &Variant,
        condition: Condition,
    ) -> impl DoubleEndedIterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.variant == variant && sample.condition == condition)
    }

    pub(crate) fn store(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "variant": sample.variant.title,
                "sampling": sample.condition.sampling,
                "lines": sample.condition.lines,
                "round": sample.round,
                "report": sample.report,
            })
        };
        json!({
            "host": self.host,
            "requests": self.requests,
            "samples": self.samples.iter().map(sample).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn load(stored: &Value) -> anyhow::Result<Self> {
        let samples = stored
            .get("samples")
            .and_then(Value::as_array)
            .context("the stored results have no measurements")?;
        // Measurements of removed variants are left out.
        Ok(Self {
            host: machine::from_stored(stored)?,
            requests: stored
                .get("requests")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            samples: samples.iter().filter_map(stored_sample).collect(),
        })
    }
}

fn stored_sample(stored: &Value) -> Option<Sample> {
    let title = stored.get("variant")?.as_str()?;
    Some(Sample {
        variant: VARIANTS.iter().find(|variant| variant.title == title)?,
        condition: Condition::load(stored)?,
        round: usize::try_from(stored.get("round")?.as_u64()?).ok()?,
        report: stored.get("report")?.as_object()?.clone(),
    })
}

/// The key of the processor time per request, in microseconds, in a report.
pub(crate) const CPU: &str = "cpu_us_per_request";

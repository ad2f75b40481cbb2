//! Parses samples and exemplars in the OpenMetrics text format.
//!
//! It supports the part of the format that the library emits. A line that does not parse is an error, so that an invalid
//! exposition is not taken for an empty one. The book's decision 28 compares it with other crates.

use anyhow::{Context as _, bail};
use support::http;

/// The header with which Prometheus requests exemplars.
pub const ACCEPT: (&str, &str) = ("accept", "application/openmetrics-text;version=1.0.0");

/// Names and values of labels, in the order of the exposition.
pub type Labels = Vec<(String, String)>;

/// One sample of an exposition.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The name with suffixes such as `_bucket`.
    pub name: String,
    /// The labels.
    pub labels: Labels,
    /// The value.
    pub value: f64,
    /// The exemplar, if there is one.
    pub exemplar: Option<Exemplar>,
    /// The line of the exposition.
    pub line: String,
}

/// The exemplar of a sample.
#[derive(Debug, Clone)]
pub struct Exemplar {
    /// The labels, such as `trace_id`.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
}

impl Sample {
    /// The value of a label; empty if it is missing, as in PromQL.
    pub fn label(&self, name: &str) -> &str {
        label(&self.labels, name)
    }
}

impl Exemplar {
    /// The value of a label; empty if it is missing.
    pub fn label(&self, name: &str) -> &str {
        label(&self.labels, name)
    }
}

fn label<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels
        .iter()
        .find(|(key, _)| key == name)
        .map_or("", |(_, value)| value)
}

/// Fetches and parses the exposition at `url`.
pub fn fetch(url: &str) -> anyhow::Result<Vec<Sample>> {
    let answer = http::send("GET", url, &[ACCEPT], "")?;
    if answer.status != 200
        || !answer
            .content_type
            .starts_with("application/openmetrics-text")
    {
        bail!(
            "{url}: found status {} and content type {:?}, expected 200 and OpenMetrics",
            answer.status,
            answer.content_type
        );
    }
    parse(&answer.body)
}

/// Parses an exposition, which must be complete.
pub fn parse(exposition: &str) -> anyhow::Result<Vec<Sample>> {
    if !exposition.ends_with("# EOF\n") {
        bail!("the exposition does not end with \"# EOF\"");
    }
    exposition
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| sample(line).with_context(|| format!("not a sample: {line}")))
        .collect()
}

fn sample(line: &str) -> anyhow::Result<Sample> {
    let end = line.find(['{', ' ']).context("no value")?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = if rest.starts_with('{') {
        labels(rest)?
    } else {
        (Vec::new(), rest)
    };
    let (sample, exemplar) = match rest.split_once(" # ") {
        Some((sample, exemplar)) => {
            let (labels, rest) = self::labels(exemplar)?;
            (
                sample,
                Some(Exemplar {
                    labels,
                    value: number(rest)?,
                }),
            )
        }
        None => (rest, None),
    };
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value: number(sample)?,
        exemplar,
        line: line.to_owned(),
    })
}

/// Parses the value, the first word of `text`; a timestamp may follow.
fn number(text: &str) -> anyhow::Result<f64> {
    let word = text.split_whitespace().next().context("no value")?;
    word.parse()
        .with_context(|| format!("{word:?} is not a number"))
}

/// Parses `{name="value",…}` and returns the labels and the rest of the text.
fn labels(text: &str) -> anyhow::Result<(Labels, &str)> {
    let mut labels = Vec::new();
    let mut rest = text
        .strip_prefix('{')
        .context("labels do not start with \"{\"")?;
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, after) = rest.split_once("=\"").context("a label without a value")?;
        let (value, after) = quoted(after)?;
        labels.push((name.to_owned(), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
}

/// Parses a value up to its closing quote and returns it unescaped, with the rest.
fn quoted(text: &str) -> anyhow::Result<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped)) => value.push(escaped),
                None => break,
            },
            char => value.push(char),
        }
    }
    bail!("a label's value has no closing quote")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

    use super::parse;

    #[test]
    fn exemplars_and_escapes_are_kept() {
        let text = "# TYPE d histogram\n\
            d_bucket{http_route=\"/orders/{id}\",note=\"a \\\"b\\\", c\\\\d # e\",le=\"0.5\"} 3 # {trace_id=\"ab\",span_id=\"cd\"} 0.42 1712.5\n\
            up 1\n# EOF\n";
        let samples = parse(text).unwrap();
        assert_eq!(samples.len(), 2);
        let bucket = &samples[0];
        assert_eq!(bucket.name, "d_bucket");
        assert_eq!(bucket.label("http_route"), "/orders/{id}");
        assert_eq!(bucket.label("note"), "a \"b\", c\\d # e");
        assert_eq!(bucket.label("le"), "0.5");
        assert_eq!(bucket.value, 3.0);
        let exemplar = bucket.exemplar.as_ref().unwrap();
        assert_eq!(exemplar.label("trace_id"), "ab");
        assert_eq!(exemplar.value, 0.42);
        assert!(samples[1].exemplar.is_none());
    }

    #[test]
    fn truncated_or_invalid_text_is_rejected() {
        for text in [
            "up 1\n",
            "up\n# EOF\n",
            "up{a=\"b} 1\n# EOF\n",
            "up{a} 1\n# EOF\n",
            "up one\n# EOF\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}

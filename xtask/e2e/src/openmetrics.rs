//! Reads samples and their exemplars from an exposition in the OpenMetrics text format.
//!
//! Only as much of the format as our expositions use, and strict about it: a line that does not parse is an error, so
//! a broken exposition cannot pass for an empty one.

use anyhow::{Context as _, bail};
use support::http;

/// What Prometheus sends when it wants exemplars.
pub const ACCEPT: (&str, &str) = ("accept", "application/openmetrics-text;version=1.0.0");

/// Names and values of a sample or an exemplar.
pub type Labels = Vec<(String, String)>;

/// One sample of an exposition.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The name, with suffixes such as `_bucket`.
    pub name: String,
    /// The labels, in the order of the exposition.
    pub labels: Labels,
    /// The value.
    pub value: f64,
    /// The exemplar, if it has one.
    pub exemplar: Option<Exemplar>,
    /// The line itself.
    pub line: String,
}

/// A sample's exemplar.
#[derive(Debug, Clone)]
pub struct Exemplar {
    /// The labels, such as `trace_id`.
    pub labels: Labels,
    /// The value that was observed.
    pub value: f64,
}

impl Sample {
    /// A label's value; empty where it is missing, which is what Prometheus makes of it as well.
    pub fn label(&self, name: &str) -> &str {
        label(&self.labels, name)
    }
}

impl Exemplar {
    /// A label's value; empty where it is missing.
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

/// Fetches and reads the exposition at `url`.
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
pub fn parse(page: &str) -> anyhow::Result<Vec<Sample>> {
    if !page.ends_with("# EOF\n") {
        bail!("the page does not end with \"# EOF\"");
    }
    page.lines()
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

/// The first word is the value; a timestamp may follow.
fn number(text: &str) -> anyhow::Result<f64> {
    let word = text.split_whitespace().next().context("no value")?;
    word.parse()
        .with_context(|| format!("{word:?} is no number"))
}

/// `{name="value",…}` and what follows it.
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

/// The rest of a quoted value, its escapes undone, and what follows the closing quote.
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
    bail!("a label's value does not end")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

    use super::parse;

    #[test]
    fn exemplars_and_escapes_are_kept() {
        let page = "# TYPE d histogram\n\
            d_bucket{http_route=\"/orders/{id}\",note=\"a \\\"b\\\", c\\\\d # e\",le=\"0.5\"} 3 # {trace_id=\"ab\",span_id=\"cd\"} 0.42 1712.5\n\
            up 1\n# EOF\n";
        let samples = parse(page).unwrap();
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
    fn a_page_that_is_cut_or_broken_is_an_error() {
        for page in [
            "up 1\n",
            "up\n# EOF\n",
            "up{a=\"b} 1\n# EOF\n",
            "up{a} 1\n# EOF\n",
            "up one\n# EOF\n",
        ] {
            assert!(parse(page).is_err(), "{page:?}");
        }
    }
}

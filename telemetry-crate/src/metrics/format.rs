//! The exposition formats, and the choice between them by `Accept` header.
//!
//! A scraper that accepts OpenMetrics gets OpenMetrics, because only this format carries exemplars. Every other client,
//! such as a browser, gets the text format. Prometheus's protobuf format is not supported, because it cannot be read
//! without tools.

/// An exposition format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Prometheus' text format, version 0.0.4.
    ///
    /// Never contains an exemplar, because its parsers reject one.
    /// See [the specification](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
    Text,
    /// OpenMetrics 1.0.0, with exemplars.
    ///
    /// See [the specification](https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md).
    OpenMetrics,
}

impl Format {
    /// Chooses the format for an `Accept` header.
    ///
    /// Returns [`Format::OpenMetrics`] if the header names it and does not prefer plain text. Returns [`Format::Text`] in
    /// all other cases, including no header, `*/*`, and unsupported types. Weights are read as
    /// [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#name-accept) defines them.
    ///
    /// # Examples
    ///
    /// ```
    /// use firstlight::metrics::Format;
    ///
    /// let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
    /// assert_eq!(Format::negotiate(Some(prometheus)), Format::OpenMetrics);
    /// assert_eq!(Format::negotiate(Some("*/*")), Format::Text);
    /// assert_eq!(Format::negotiate(None), Format::Text);
    /// ```
    pub fn negotiate(accept: Option<&str>) -> Self {
        let ranges = || {
            accept
                .unwrap_or_default()
                .split(',')
                .filter_map(Range::parse)
        };
        let weight = |media_type, versions: &[&str]| {
            ranges()
                .filter(|range| range.covers(media_type, versions))
                .map(|range| range.weight)
                .reduce(f32::max)
        };
        let open_metrics =
            weight("application/openmetrics-text", &["1.0.0", "0.0.1"]).unwrap_or(0.0);
        let text = weight("text/plain", &["0.0.4", "1.0.0"])
            .or_else(|| weight("text/*", &[]))
            .or_else(|| weight("*/*", &[]))
            .unwrap_or(0.0);
        if open_metrics > 0.0 && open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// The `Content-Type` of an exposition in this format.
    ///
    /// Prometheus 3 rejects an exposition whose type is missing or unknown.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// One media range of an `Accept` header.
struct Range<'a> {
    media_type: &'a str,
    version: Option<&'a str>,
    /// From 0, which means not acceptable, to 1, the default.
    weight: f32,
}

impl<'a> Range<'a> {
    /// Parses one range; `None` if its weight is invalid.
    ///
    /// A guessed weight could choose a format that the scraper does not read.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Self {
            media_type: parts.next()?,
            version: None,
            weight: 1.0,
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("version") => range.version = Some(value),
                name if name.eq_ignore_ascii_case("q") => {
                    range.weight = value.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
                }
                _ => {}
            }
        }
        Some(range)
    }

    /// Whether the range includes the media type in one of the versions.
    fn covers(&self, media_type: &str, versions: &[&str]) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
            && self
                .version
                .is_none_or(|version| versions.contains(&version))
    }
}

#[cfg(test)]
mod tests {
    use super::Format::{self, OpenMetrics, Text};

    #[test]
    fn accept_header_weights_decide() {
        // The headers of Prometheus 2.42, of Prometheus 3, and of a Prometheus whose `scrape_protocols` are reversed.
        let two = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                   text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
                     escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let text_first =
            "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5";
        for (accept, expected) in [
            (two, OpenMetrics),
            (three, OpenMetrics),
            (text_first, Text),
            (
                "Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.3 , text/plain;q=0.2",
                OpenMetrics,
            ),
            ("application/openmetrics-text", OpenMetrics),
            ("application/openmetrics-text, text/plain", OpenMetrics),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;version=2.0.0", Text),
            ("application/openmetrics-text;q=0.5, */*", Text),
            (
                "application/openmetrics-text;q=0.5, text/*;q=0.4",
                OpenMetrics,
            ),
            ("application/openmetrics-text;q=much", Text),
            ("application/openmetrics-text;q=NaN", Text),
            ("application/openmetrics-text;q=2", Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Text),
            ("*/*", Text),
            (";;,,=;q=", Text),
            ("", Text),
        ] {
            assert_eq!(Format::negotiate(Some(accept)), expected, "{accept}");
        }
        assert_eq!(Format::negotiate(None), Text);
    }
}

//! `FIRSTLIGHT_TRACE_URL`: where the trace backend shows a trace.

use http::Uri;
use opentelemetry::trace::TraceId;

use super::{address::without_credentials, env, env::Env, host};

/// What stands for the id of a trace.
const PLACE: &str = "{trace_id}";

const EXPECTED: &str = "an address without credentials that begins with http:// or https:// and contains `{trace_id}`, such as https://jaeger.example/trace/{trace_id}";

/// The address of a trace in the trace backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceUrl(String);

impl TraceUrl {
    fn parse(value: &str) -> Option<Self> {
        // Such characters must be percent-encoded.
        let is_plain = |char: char| {
            char.is_ascii_graphic() && !matches!(char, '"' | '\'' | '`' | '\\' | '<' | '>')
        };
        if !value.contains(PLACE) || !value.chars().all(is_plain) {
            return None;
        }
        let uri: Uri = Self(value.to_owned()).of(TraceId::INVALID).parse().ok()?;
        let authority = uri.authority()?.as_str();
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_valid = is_http && !authority.contains('@') && host::authority(authority).is_ok();
        is_valid.then(|| Self(value.to_owned()))
    }

    /// The address of one trace.
    pub(crate) fn of(&self, trace_id: TraceId) -> String {
        self.0.replace(PLACE, &trace_id.to_string())
    }
}

/// Returns `None` if the variable is unset, or invalid, which causes a warning.
pub(super) fn trace_url(env: &mut Env<'_>) -> Option<TraceUrl> {
    let value = env.text(env::TRACE_URL)?;
    let url = TraceUrl::parse(&value);
    if url.is_none() {
        env.warn(env::TRACE_URL, &without_credentials(&value), EXPECTED);
    }
    url
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";

    fn resolve(value: &str) -> (Option<TraceUrl>, Vec<String>) {
        let lookup = |name: &str| (name == "FIRSTLIGHT_TRACE_URL").then(|| value.to_owned());
        let mut env = Env::new(&lookup);
        (trace_url(&mut env), env.warnings)
    }

    #[test]
    fn addresses_name_the_trace() {
        for (value, expected) in [
            (
                "https://jaeger.example/trace/{trace_id}",
                "https://jaeger.example/trace/0af7651916cd43dd8448eb211c80319c",
            ),
            (
                "http://localhost:3200/#/{trace_id}?id={trace_id}",
                "http://localhost:3200/#/0af7651916cd43dd8448eb211c80319c?id=0af7651916cd43dd8448eb211c80319c",
            ),
        ] {
            let (url, warnings) = resolve(value);
            assert_eq!(url.unwrap().of(TraceId::from_hex(ID).unwrap()), expected);
            assert_eq!(warnings, [""; 0]);
        }
        assert_eq!(resolve("  "), (None, Vec::new()));
    }

    #[test]
    fn invalid_addresses_cause_one_warning() {
        for value in [
            "jaeger.example/trace/{trace_id}",
            "https://jaeger.example/trace/",
            "https://jaeger.example/{traceid}",
            "javascript:alert(1)//{trace_id}",
            "ftp://jaeger.example/{trace_id}",
            "https:///{trace_id}",
            "https://ada:hunter2@jaeger.example/{trace_id}",
            "https://jaeger.example/?key=hunter2&id={traceid}",
            "https://jaeger.example/\"{trace_id}",
            "https://jaeger.example/a b/{trace_id}",
            "https://jaeger.example:70000/{trace_id}",
        ] {
            let (url, warnings) = resolve(value);
            assert_eq!(url, None, "{value}");
            let [warning] = warnings.try_into().unwrap();
            assert!(
                warning.starts_with("FIRSTLIGHT_TRACE_URL: found "),
                "{warning}"
            );
            assert!(warning.contains("`{trace_id}`, such as"), "{warning}");
            assert!(!warning.contains("hunter2"), "{warning}");
        }
    }
}

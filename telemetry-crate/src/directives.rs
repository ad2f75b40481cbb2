//! Filter directives in the grammar of `RUST_LOG`, with strict validation.
//!
//! `tracing` accepts any text as a target. For example, it reads `warning` as a target of that name. Such a directive sets
//! no level for other targets, which are silenced. Text that cannot be a target is therefore rejected, and so are words
//! that mean a level or all targets in other loggers. What is accepted is parsed by `tracing-subscriber`. The book's
//! decision 23 has examples.

use tracing_subscriber::{EnvFilter, filter::Targets};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Words that other loggers use for a level, for all targets, or for on and off.
///
/// A directive with such a word would be read as a target, and would silence all other targets. `rust_log` is here because
/// the variable may be pasted with its value, as in `RUST_LOG=info`.
const FOREIGN_WORDS: [&str; 25] = [
    "all",
    "any",
    "critical",
    "default",
    "disabled",
    "enabled",
    "err",
    "everything",
    "false",
    "fatal",
    "information",
    "level",
    "no",
    "none",
    "notice",
    "null",
    "on",
    "root",
    "rust_log",
    "severe",
    "true",
    "verbose",
    "warning",
    "warnings",
    "yes",
];

/// Parses the directives of the trace filter, which may not name spans.
///
/// Returns `None` for invalid directives and for those that name spans.
pub(crate) fn targets(text: &str) -> Option<Targets> {
    match Directives::parse(text).ok()?.kind {
        Kind::Static(targets) => Some(targets),
        Kind::Dynamic(_) => None,
    }
}

/// The targets or spans that a directive applies to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All targets: the directive is a level alone.
    All,
    /// The targets whose names begin with the given one.
    ///
    /// `orders` thus also selects `orders::db`, and the crate `orders_api`.
    Target,
    /// Spans of one target or of all targets.
    Spans,
}

/// Validates a directive and returns its scope.
///
/// The forms are `level`, `target` and `target[spans]`, the last two also with `=level`. `[spans]` needs no target.
///
/// # Errors
///
/// A description of the mistake.
fn scope(directive: &str) -> Result<Scope, String> {
    if is_level(directive) {
        return Ok(Scope::All);
    }
    let is_bare = !directive.contains(['=', '[']);
    if is_bare && (is_foreign(directive) || LEVELS.iter().any(|level| is_typo(directive, level))) {
        return Err(not_a_level(directive));
    }
    let invalid = || Err(format!("{directive:?} is not a directive"));
    let (target, rest) = match directive.find(['=', '[']) {
        Some(at) => directive.split_at(at),
        None => (directive, ""),
    };
    let (spans, level) = match rest.rfind(']') {
        Some(end) if rest.starts_with('[') => rest.split_at(end + 1),
        _ if rest.starts_with('[') => return invalid(),
        _ => ("", rest),
    };
    let span = spans.trim_matches(['[', ']']);
    let names_spans = !spans.is_empty();
    for name in [target, span] {
        if is_level(name) || is_foreign(name) {
            return Err(format!("{name:?} is not the name of a target or a span"));
        }
    }
    let has_only_spans = names_spans && target.is_empty();
    if !has_only_spans && !is_target(target) {
        return invalid();
    }
    match level.strip_prefix('=') {
        Some(level) if !is_level(level) => Err(not_a_level(level)),
        None if !level.is_empty() => invalid(),
        _ if names_spans => Ok(Scope::Spans),
        _ => Ok(Scope::Target),
    }
}

fn not_a_level(word: &str) -> String {
    format!("{word:?} is not a level: error, warn, info, debug, trace or off")
}

/// Whether the word is a level or its number.
fn is_level(word: &str) -> bool {
    matches!(word.as_bytes(), [b'0'..=b'5'])
        || LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level))
}

fn is_foreign(word: &str) -> bool {
    let is_word = |foreign: &&str| word.eq_ignore_ascii_case(foreign);
    FOREIGN_WORDS.iter().any(is_word)
}

/// Whether the text is a module path or a custom target.
///
/// Examples are `tower_http::trace`, `my-service` and `orders.db`.
fn is_target(text: &str) -> bool {
    text.split("::").all(|segment| {
        segment.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && segment
                .chars()
                .all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.'))
    })
}

/// Whether the word is a level with a typing error.
///
/// Such an error is a missing letter, an extra letter, two adjacent letters swapped, or a digit instead of a letter. A
/// word with a different letter is not a typing error, because it may be a target: `warp` is a
/// crate, and not a misspelled `warn`.
fn is_typo(typed: &str, meant: &str) -> bool {
    let typed = typed.to_ascii_lowercase();
    let is_replacement = strsim::hamming(&typed, meant) == Ok(1);
    strsim::osa_distance(&typed, meant) == 1
        && (!is_replacement || typed.contains(|char: char| char.is_ascii_digit()))
}

/// Parsed directives.
#[derive(Debug)]
pub(crate) struct Directives {
    kind: Kind,
    text: String,
    only_named: bool,
}

/// The filter that implements the directives.
#[derive(Debug)]
pub(crate) enum Kind {
    Static(Targets),
    Dynamic(Box<EnvFilter>),
}

impl Directives {
    /// Parses and validates directives.
    ///
    /// # Errors
    ///
    /// A description of the mistake.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // Spaces and empty entries are removed. `tracing` would treat a space as part of the target, and the empty text
        // after a trailing comma as the level `error`.
        let directives = text.split(',').map(str::trim);
        let directives: Vec<&str> = directives.filter(|text| !text.is_empty()).collect();
        if directives.is_empty() {
            return Err("there is no directive".to_owned());
        }
        let scopes = directives.iter().map(|directive| scope(directive));
        let scopes = scopes.collect::<Result<Vec<Scope>, String>>()?;
        let clean = directives.join(",");
        let kind = if scopes.contains(&Scope::Spans) {
            let filter = EnvFilter::builder()
                .parse(clean)
                .map_err(|error| error.to_string())?;
            Kind::Dynamic(Box::new(filter))
        } else {
            Kind::Static(
                clean
                    .parse::<Targets>()
                    .map_err(|error| error.to_string())?,
            )
        };
        Ok(Self {
            kind,
            text: text.to_owned(),
            only_named: !scopes.contains(&Scope::All),
        })
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The directives as they were given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first target with a dash, which no module path has.
    pub(crate) fn dashed_target(&self) -> Option<&str> {
        let targets = self.text.split(',').map(|directive| {
            let end = directive.find(['=', '[']).unwrap_or(directive.len());
            directive[..end].trim()
        });
        let mut targets = targets.filter(|target| is_target(target));
        targets.find(|target| target.contains('-'))
    }

    /// Whether each directive names a target or a span.
    ///
    /// All other targets are then off.
    pub(crate) fn only_named(&self) -> bool {
        self.only_named
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Directives, Kind};

    #[test]
    fn misspelled_levels_are_rejected() {
        for text in [
            "warning",
            "WARNING",
            "inof",
            "errror",
            "erro",
            "debgu",
            "inf0",
            "orders=debug,inof",
            "fatal",
            "false",
            "orders:debug=x",
            "orders=",
            "orders=6",
            "orders=+3",
        ] {
            let parsed = Directives::parse(text);
            assert!(parsed.is_err(), "{text}");
        }
    }

    #[test]
    fn invalid_directives_are_rejected() {
        for text in [
            "",
            " , ",
            r#""info""#,
            "'info'",
            "`info`",
            r#"info,"orders=debug""#,
            "info;orders=debug",
            "debug;info",
            "info orders=debug",
            "info debug",
            "info|x",
            "info/x",
            "orders:debug",
            "debug:orders",
            "orders::",
            "::orders",
            "orders::*",
            "*",
            "*=info",
            "6",
            "-1",
            "1.5",
            "05",
            "=info",
            "orders = debug",
            "orders=debug=info",
            "orders==debug",
            "orders->debug",
            "info=debug",
            "all=debug",
            "default=info",
            "RUST_LOG=info",
            "${RUST_LOG}",
            "$RUST_LOG",
            "{info}",
            "(info)",
            "[info]",
            "[x",
            "x]",
            "orders[x]debug",
            "orders[x]=loud",
            "info\norders=debug",
        ] {
            let parsed = Directives::parse(text);
            assert!(parsed.is_err(), "{text}");
        }
    }

    #[test]
    fn targets_and_levels_are_accepted() {
        for text in [
            "warn",
            "Info",
            "off",
            "0",
            "5",
            "orders=5",
            "orders",
            "warp",
            "infos=debug",
            "my-service=debug",
            "orders.db=DEBUG",
            "größe=debug",
            "info,orders,sqlx=warn",
            "info,orders::errors=debug",
            "orders[load{id=7 8}]=debug",
            "orders[load]",
            "info,[{err}]=warn",
            "info,[GET /orders]=trace",
        ] {
            let parsed = Directives::parse(text);
            assert!(parsed.is_ok(), "{text}: {parsed:?}");
        }
    }

    #[test]
    fn spaces_and_trailing_commas_are_ignored() {
        let parsed = Directives::parse(" info , orders=debug, ").unwrap();
        assert_eq!(parsed.text(), "info , orders=debug,");
        let Kind::Static(targets) = parsed.kind() else {
            unreachable!("the directives name no spans")
        };
        assert_eq!(targets, &"info,orders=debug".parse().unwrap());
    }

    #[test]
    fn targets_with_dashes_are_detected() {
        for (text, target) in [
            ("info,trial-shop=debug", Some("trial-shop")),
            ("trial-shop[load]", Some("trial-shop")),
            ("info,trial_shop=debug,[GET /a-b]=warn", None),
        ] {
            let parsed = Directives::parse(text).unwrap();
            assert_eq!(parsed.dashed_target(), target, "{text}");
        }
    }

    #[test]
    fn missing_default_levels_are_detected() {
        for (text, is_missing) in [
            ("orders=debug", true),
            ("[order]=trace", true),
            ("off,orders=debug", false),
            ("info,[order]=trace", false),
            ("2", false),
        ] {
            let parsed = Directives::parse(text).unwrap();
            assert_eq!(parsed.only_named(), is_missing, "{text}");
        }
    }
}

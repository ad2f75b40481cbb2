//! Directives of a filter, in `RUST_LOG`'s grammar, with misspelled levels refused.

use std::cmp::Ordering;

use tracing_subscriber::{EnvFilter, filter::Targets};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// How other loggers call them.
const FOREIGN_LEVELS: [&str; 11] = [
    "all",
    "critical",
    "err",
    "everything",
    "fatal",
    "information",
    "none",
    "notice",
    "severe",
    "verbose",
    "warning",
];

/// Directives about targets alone, as spans are filtered by.
pub(crate) fn targets(text: &str) -> Option<Targets> {
    let is_about_targets = !text.contains('[') && misspelled_level(text).is_none();
    text.parse().ok().filter(|_| is_about_targets)
}

fn misspelled_level(directives: &str) -> Option<&str> {
    let mut words = directives.split(',').map(str::trim);
    words.find(|word| is_misspelled_level(word))
}

/// Whether a directive is a word that means a level and is none. Taken for a target, as the grammar has it, it would turn off
/// everything else without a word. No level is one substitution away from what is meant: `warp` is a crate.
fn is_misspelled_level(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    FOREIGN_LEVELS.contains(&&*word)
        || word.contains([';', ' ']) && !word.contains(['[', ']', '='])
        || LEVELS.iter().any(|level| is_slip(&word, level))
}

/// Whether a letter was left out, typed twice or in the wrong order.
fn is_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = (typed.as_bytes(), meant.as_bytes());
    let prefix = typed.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (typed, meant) = (&typed[prefix..], &meant[prefix..]);
    match typed.len().cmp(&meant.len()) {
        Ordering::Less => meant.get(1..) == Some(typed),
        Ordering::Greater => typed.get(1..) == Some(meant),
        Ordering::Equal => {
            matches!((typed, meant), ([a, b, rest @ ..], [c, d, end @ ..])
                if (a, b, rest) == (d, c, end))
        }
    }
}

/// Parsed directives.
#[derive(Debug)]
pub(crate) struct Directives {
    kind: Kind,
    text: String,
}

/// What must be asked.
#[derive(Debug)]
pub(crate) enum Kind {
    Static(Targets),
    Dynamic(Box<EnvFilter>),
}

impl Directives {
    /// # Errors
    ///
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(word) = misspelled_level(text) {
            return Err(format!(
                "{word} is no level: error, warn, info, debug, trace or off"
            ));
        }
        let kind = if text.contains('[') {
            let filter = EnvFilter::builder()
                .parse(text)
                .map_err(|error| error.to_string())?;
            Kind::Dynamic(Box::new(filter))
        } else {
            Kind::Static(text.parse::<Targets>().map_err(|error| error.to_string())?)
        };
        Ok(Self {
            kind,
            text: text.to_owned(),
        })
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// As they were given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether only the targets that are named may log.
    pub(crate) fn only_named_targets(&self) -> bool {
        match &self.kind {
            Kind::Static(targets) => targets.default_level().is_none(),
            Kind::Dynamic(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Directives;

    #[test]
    fn misspelled_levels_are_refused() {
        for text in [
            "warning",
            "WARNING",
            "inof",
            "errror",
            "erro",
            "debgu",
            "debug;info",
            "info debug",
            "orders=debug,inof",
            "fatal",
        ] {
            let parsed = Directives::parse(text);
            let refused = parsed.is_err_and(|refused| refused.contains("is no level"));
            assert!(refused, "{text}");
        }
    }

    #[test]
    fn targets_and_levels_are_taken() {
        for text in [
            "warn",
            "Info",
            "off",
            "0",
            "5",
            "",
            "orders",
            "warp",
            "info,orders,sqlx=warn",
            "info,orders::errors=debug",
            "orders[load{id=7 8}]=debug",
            "info,[{err}]=warn",
        ] {
            assert!(Directives::parse(text).is_ok(), "{text}");
        }
    }
}

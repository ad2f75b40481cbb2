//! The propagator of W3C Baggage, within the specification's limits.
//!
//! [The specification](https://www.w3.org/TR/baggage/#limits) has limits of 64 members and 8,192 bytes. The SDK's
//! propagator applies them only to incoming headers, and has these defects, which a remote client can exploit:
//!
//! * It logs a malformed header, if a crate in the program has enabled the SDK's own log events.
//! * It decodes and encodes values, so that 8 KiB of an incoming header become 24 KiB of an outgoing header.
//! * A control character in a property removes the whole header from outgoing requests.
//! * A value ends at its second `=`.
//!
//! Inside the process, baggage is stored in the SDK's type. Only the header is read and written here.

use std::sync::LazyLock;

use opentelemetry::{
    Context,
    baggage::{BaggageExt, KeyValueMetadata},
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

pub(super) const HEADER: &str = "baggage";

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [HEADER.to_owned()]);

/// Maximum length of the header in bytes.
const MAX_BYTES: usize = 8_192;

/// Maximum number of members in the header.
const MAX_MEMBERS: usize = 64;

/// The characters of a value that must be encoded.
///
/// These are all characters except the specification's `baggage-octet`. `%` is also encoded, because it begins an escape.
const ENCODED_IN_VALUES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b',')
    .add(b';')
    .add(b'\\')
    .add(b'%');

/// The propagator `baggage`.
#[derive(Debug)]
pub(super) struct BoundedBaggage;

impl TextMapPropagator for BoundedBaggage {
    /// Writes as many whole members as fit.
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let baggage = context.baggage();
        if baggage.is_empty() {
            return;
        }
        let format_member = |name: &str, value: &str, properties: &str| {
            let value = utf8_percent_encode(value, ENCODED_IN_VALUES);
            match properties.trim() {
                "" => format!("{name}={value}"),
                properties => format!("{name}={value};{properties}"),
            }
        };
        let mut members: Vec<String> = baggage
            .iter()
            .map(|(name, (value, properties))| {
                format_member(name.as_str(), value.as_str(), properties.as_str())
            })
            // Baggage that the program sets may contain any characters.
            .filter(|member| is_printable(member))
            .collect();
        // The members are sorted, so that the same members are left out each time.
        members.sort();
        let mut header = String::new();
        for member in members.iter().take(MAX_MEMBERS) {
            if header.len() + 1 + member.len() <= MAX_BYTES {
                if !header.is_empty() {
                    header.push(',');
                }
                header.push_str(member);
            }
        }
        if !header.is_empty() {
            injector.set(HEADER, header);
        }
    }

    /// Reads the members, except malformed ones.
    ///
    /// Ignores all headers if together they are too long.
    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let headers = extractor.get_all(HEADER).unwrap_or_default();
        let bytes: usize = headers.iter().map(|header| header.len()).sum();
        if headers.is_empty() || bytes > MAX_BYTES {
            return context.clone();
        }
        let members = headers.iter().flat_map(|header| header.split(','));
        // The SDK's type rejects names that are not tokens, and members beyond the limits after decoding.
        context.with_baggage(members.take(MAX_MEMBERS).filter_map(member))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// Parses `name=value;property;property=value`.
///
/// The decoded value must be UTF-8 without control characters. Properties are kept unchanged.
fn member(text: &str) -> Option<KeyValueMetadata> {
    let (pair, properties) = text.split_once(';').unwrap_or((text, ""));
    let (name, value) = pair.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    let is_text = !value.contains(char::is_control) && is_printable(properties);
    let (name, properties) = (name.trim().to_owned(), properties.trim());
    is_text.then(|| KeyValueMetadata::new(name, value.into_owned(), properties))
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..0x7f).contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::KeyValue;

    use super::*;

    /// The header that a service sends after it has received `header`.
    fn forwarded(header: &str) -> Option<String> {
        let incoming = HashMap::from([(HEADER.to_owned(), header.to_owned())]);
        let propagator = BoundedBaggage;
        let context = propagator.extract_with_context(&Context::new(), &incoming);
        let mut outgoing = HashMap::new();
        propagator.inject_context(&context, &mut outgoing);
        outgoing.remove(HEADER)
    }

    fn is_within_bounds(header: &str) -> bool {
        header.len() <= MAX_BYTES && header.split(',').count() <= MAX_MEMBERS
    }

    #[test]
    fn valid_headers_pass_unchanged() {
        for header in [
            "a=1",
            "a=1,b=2;secret;rank=3",
            "a=100%25,b=a%2541",
            "a=%C3%BC",
            "a=",
            "a=QUJD==",
            "a=1;p=%0d%0a%2Cb=2",
        ] {
            assert_eq!(forwarded(header).as_deref(), Some(header));
        }
    }

    #[test]
    fn headers_stay_within_the_limits() {
        let many: Vec<String> = (0..5_000).map(|n| format!("k{n}=v")).collect();
        let grows = format!("a={}", "\"".repeat(8_000));
        let long = format!("a={}", "x".repeat(9_000));
        let deep = format!("a=1;{}", "p;".repeat(4_000));
        for header in [
            &*many.join(","),
            &many[..900].join(","),
            &"a=1,".repeat(2_000),
            &grows,
            &long,
            &deep,
            &format!("b=1,{grows}"),
        ] {
            let forwarded = forwarded(header).unwrap_or_default();
            assert!(is_within_bounds(&forwarded), "{}", forwarded.len());
        }
        assert_eq!(forwarded(&format!("b=1,{grows}")).as_deref(), Some("b=1"));
    }

    #[test]
    fn broken_members_are_left_out() {
        for broken in [
            "x",
            "=",
            "=v",
            ";",
            "x=%ff",
            "x=%0d%0ay",
            "x=1;p=\r\ny",
            "x=1;\u{fc}",
            "x y=1",
            "x\u{fc}=1",
        ] {
            let header = format!("a=1,{broken},b=2");
            assert_eq!(forwarded(&header).as_deref(), Some("a=1,b=2"), "{broken}");
            let alone = forwarded(broken);
            assert_eq!(alone, None, "{broken}");
        }
        assert_eq!(forwarded("a=1,a=2").as_deref(), Some("a=2"));
        assert_eq!(forwarded(" a = 1 , b=2 ;p ").as_deref(), Some("a=1,b=2;p"));
    }

    #[test]
    fn own_baggage_is_bounded() {
        let own = (0..64).map(|n| KeyValue::new(format!("k{n}"), "\"".repeat(120)));
        let mut outgoing = HashMap::new();
        BoundedBaggage.inject_context(&Context::new().with_baggage(own), &mut outgoing);
        let header = outgoing.remove(HEADER).unwrap_or_default();
        // A member has at most 365 bytes, so less than that remains unused.
        assert!(
            is_within_bounds(&header) && header.len() > 7_500,
            "{}",
            header.len()
        );
    }
}

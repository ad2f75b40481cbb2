//! W3C Baggage in and out, within the specification's bounds in both directions.
//!
//! [The specification](https://www.w3.org/TR/baggage/#limits) speaks of 64 members and 8,192 bytes. The SDK's propagator keeps
//! to that on the way in, and has gaps that strangers can use: it writes a malformed header into log events of its own, if
//! a crate in the program has switched those on; it decodes and encodes again, so that what came in with 8 KiB goes out
//! with 24; a control character in a property makes the whole header of the next request vanish; and a value ends at its
//! second `=`. What baggage holds in the process is the SDK's; what stands in the header is read and written here.

use std::sync::LazyLock;

use opentelemetry::{
    Context,
    baggage::{BaggageExt, KeyValueMetadata},
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

pub(super) const HEADER: &str = "baggage";

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [HEADER.to_owned()]);

/// Bytes of the header.
const MAX_BYTES: usize = 8_192;

const MAX_MEMBERS: usize = 64;

/// What a value cannot hold as it is: everything but the specification's `baggage-octet`, and `%` itself.
const NOT_IN_A_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b',')
    .add(b';')
    .add(b'\\')
    .add(b'%');
#[derive(Debug)]
pub(super) struct BoundedBaggage;

impl TextMapPropagator for BoundedBaggage {
    /// As many members as fit, each whole or not at all.
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let baggage = context.baggage();
        if baggage.is_empty() {
            return;
        }
        let written = |name: &str, value: &str, properties: &str| {
            let value = utf8_percent_encode(value, NOT_IN_A_VALUE);
            match properties.trim() {
                "" => format!("{name}={value}"),
                properties => format!("{name}={value};{properties}"),
            }
        };
        let mut members: Vec<String> = baggage
            .iter()
            .map(|(name, (value, properties))| {
                written(name.as_str(), value.as_str(), properties.as_str())
            })
            // The program's own may hold anything.
            .filter(|member| is_printable(member))
            .collect();
        // So that the same ones stay behind each time.
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

    /// What is too long as a whole is dropped as a whole; a member that is malformed is left out.
    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let headers = extractor.get_all(HEADER).unwrap_or_default();
        let bytes: usize = headers.iter().map(|header| header.len()).sum();
        if headers.is_empty() || bytes > MAX_BYTES {
            return context.clone();
        }
        let members = headers.iter().flat_map(|header| header.split(','));
        // The SDK's own type refuses names that are no tokens, and what is beyond the bounds once it is decoded.
        context.with_baggage(members.take(MAX_MEMBERS).filter_map(member))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// `name=value;property;property=value`, with a value that is UTF-8 without control characters once it is decoded.
/// Properties stay as they are.
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

    /// What a service that gets this header sends on.
    fn sent_on(header: &str) -> Option<String> {
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
    fn what_comes_in_goes_out_the_same() {
        for header in [
            "a=1",
            "a=1,b=2;secret;rank=3",
            "a=100%25,b=a%2541",
            "a=%C3%BC",
            "a=",
            "a=QUJD==",
            "a=1;p=%0d%0a%2Cb=2",
        ] {
            assert_eq!(sent_on(header).as_deref(), Some(header));
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
            let sent_on = sent_on(header).unwrap_or_default();
            assert!(is_within_bounds(&sent_on), "{}", sent_on.len());
        }
        assert_eq!(sent_on(&format!("b=1,{grows}")).as_deref(), Some("b=1"));
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
            assert_eq!(sent_on(&header).as_deref(), Some("a=1,b=2"), "{broken}");
            let alone = sent_on(broken);
            assert_eq!(alone, None, "{broken}");
        }
        assert_eq!(sent_on("a=1,a=2").as_deref(), Some("a=2"));
        assert_eq!(sent_on(" a = 1 , b=2 ;p ").as_deref(), Some("a=1,b=2;p"));
    }

    #[test]
    fn own_baggage_is_bounded() {
        let own = (0..64).map(|n| KeyValue::new(format!("k{n}"), "\"".repeat(120)));
        let mut outgoing = HashMap::new();
        BoundedBaggage.inject_context(&Context::new().with_baggage(own), &mut outgoing);
        let header = outgoing.remove(HEADER).unwrap_or_default();
        assert!(
            is_within_bounds(&header) && header.len() > 7_500,
            "{}",
            header.len()
        );
    }
}

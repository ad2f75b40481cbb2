//! The cases of the W3C's test suite, under its names, and further cases.

use super::*;

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";

fn forwarded(headers: &[(&str, &str)]) -> HeaderMap {
    super::forwarded(&[Propagator::TraceContext], headers)
}

/// The `tracestate` that a service sends after it has received `states`.
fn state(states: &[&str]) -> Option<String> {
    let parent = [("traceparent", PARENT)];
    let named = states.iter().map(|state| ("tracestate", *state));
    let headers: Vec<_> = parent.into_iter().chain(named).collect();
    let written = forwarded(&headers);
    assert_eq!(text(&written, "traceparent"), Some(PARENT), "{states:?}");
    text(&written, "tracestate").map(str::to_owned)
}

#[test]
fn valid_traceparent_is_propagated() {
    for (case, header) in [
        ("traceparent_included_tracestate_missing", PARENT.to_owned()),
        (
            "traceparent_version_0xcc",
            format!("cc-{TRACE}-1234567890123456-01"),
        ),
        (
            "traceparent_version_0xcc",
            format!("cc-{TRACE}-1234567890123456-01-what-the-future-will-be-like"),
        ),
        ("traceparent_ows_handling", format!(" {PARENT}")),
        ("traceparent_ows_handling", format!("\t {PARENT} \t")),
        // Unknown flags.
        ("other_flags", format!("00-{TRACE}-1234567890123456-fd")),
    ] {
        for name in ["traceparent", "TraceParent", "TRACEPARENT"] {
            let written = forwarded(&[(name, &header)]);
            assert_eq!(
                text(&written, "traceparent"),
                Some(PARENT),
                "{case}: {header}"
            );
            assert!(!written.contains_key("tracestate"), "{case}: {header}");
        }
    }
}

#[test]
fn malformed_traceparent_begins_a_new_trace() {
    for (case, header) in [
        ("traceparent_version_0x00", format!("{PARENT}.")),
        (
            "traceparent_version_0x00",
            format!("{PARENT}-what-the-future-will-be-like"),
        ),
        ("traceparent_version_0x00", format!("{PARENT}-")),
        (
            "traceparent_version_0xcc",
            format!("cc-{TRACE}-1234567890123456-01.what-the-future-will-be-like"),
        ),
        (
            "traceparent_version_0xff",
            format!("ff-{TRACE}-1234567890123456-01"),
        ),
        (
            "traceparent_version_illegal_characters",
            format!(".0-{TRACE}-1234567890123456-01"),
        ),
        (
            "traceparent_version_illegal_characters",
            format!("0.-{TRACE}-1234567890123456-01"),
        ),
        (
            "traceparent_version_illegal_characters",
            format!("CC-{TRACE}-1234567890123456-01"),
        ),
        (
            "traceparent_version_illegal_characters",
            format!("+0-{TRACE}-1234567890123456-01"),
        ),
        (
            "traceparent_version_too_long",
            format!("000-{TRACE}-1234567890123456-01"),
        ),
        (
            "traceparent_version_too_short",
            format!("0-{TRACE}-1234567890123456-01"),
        ),
        (
            "traceparent_trace_id_all_zero",
            format!("00-{}-1234567890123456-01", "0".repeat(32)),
        ),
        (
            "traceparent_trace_id_illegal_characters",
            format!("00-.{}-1234567890123456-01", &TRACE[1..]),
        ),
        (
            "traceparent_trace_id_illegal_characters",
            format!("00-A{}-1234567890123456-01", &TRACE[1..]),
        ),
        (
            "traceparent_trace_id_illegal_characters",
            format!("00-+{}-1234567890123456-01", &TRACE[1..]),
        ),
        (
            "traceparent_trace_id_too_long",
            format!("00-{TRACE}3-1234567890123456-01"),
        ),
        (
            "traceparent_trace_id_too_short",
            format!("00-{}-1234567890123456-01", &TRACE[1..]),
        ),
        (
            "traceparent_parent_id_all_zero",
            format!("00-{TRACE}-0000000000000000-01"),
        ),
        (
            "traceparent_parent_id_illegal_characters",
            format!("00-{TRACE}-.234567890123456-01"),
        ),
        (
            "traceparent_parent_id_illegal_characters",
            format!("00-{TRACE}-B234567890123456-01"),
        ),
        (
            "traceparent_parent_id_too_long",
            format!("00-{TRACE}-12345678901234567-01"),
        ),
        (
            "traceparent_parent_id_too_short",
            format!("00-{TRACE}-123456789012345-01"),
        ),
        (
            "traceparent_trace_flags_illegal_characters",
            format!("00-{TRACE}-1234567890123456-.0"),
        ),
        (
            "traceparent_trace_flags_illegal_characters",
            format!("00-{TRACE}-1234567890123456-0A"),
        ),
        (
            "traceparent_trace_flags_too_long",
            format!("00-{TRACE}-1234567890123456-001"),
        ),
        (
            "traceparent_trace_flags_too_short",
            format!("00-{TRACE}-1234567890123456-1"),
        ),
        ("empty", String::new()),
        ("joined", format!("{PARENT},{PARENT}")),
        ("not ASCII", format!("{PARENT}\u{fc}")),
    ] {
        let written = forwarded(&[("traceparent", &header), ("tracestate", "foo=1")]);
        assert!(written.is_empty(), "{case}: {header}: {written:?}");
    }
}

#[test]
fn two_traceparents_begin_a_new_trace() {
    let other = format!("00-{}1-1234567890123456-01", &TRACE[1..]);
    for second in [&other, PARENT, "", "\u{fc}"] {
        for headers in [[PARENT, second], [second, PARENT]] {
            let written = forwarded(&headers.map(|header| ("traceparent", header)));
            assert!(written.is_empty(), "traceparent_duplicated: {headers:?}");
        }
    }
}

#[test]
fn similar_header_names_are_ignored() {
    for name in ["trace-parent", "trace.parent"] {
        let written = forwarded(&[(name, PARENT)]);
        assert!(written.is_empty(), "traceparent_header_name: {name}");
    }
    for name in ["trace-state", "trace.state"] {
        let written = forwarded(&[("traceparent", PARENT), (name, "foo=1")]);
        assert_eq!(
            text(&written, "tracestate"),
            None,
            "tracestate_header_name: {name}"
        );
    }
    let written = forwarded(&[("tracestate", "foo=1")]);
    assert!(
        written.is_empty(),
        "tracestate_included_traceparent_missing"
    );
    let written = forwarded(&[("TRACEPARENT", PARENT), ("TrAcEsTaTe", "foo=1")]);
    assert_eq!(
        text(&written, "tracestate"),
        Some("foo=1"),
        "tracestate_header_name_valid_casing"
    );
}

#[test]
fn known_flags_are_propagated() {
    for flags in ["00", "01", "02", "03"] {
        let header = format!("00-{TRACE}-1234567890123456-{flags}");
        let written = forwarded(&[("traceparent", &header)]);
        assert_eq!(
            text(&written, "traceparent"),
            Some(&*header),
            "propagates_random_flag"
        );
    }
}

#[test]
fn tracestate_is_propagated_in_order() {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|char| !",=".contains(*char)).collect();
    let all = format!("{key}={value}");
    let vendor = format!("{key}@a-z0-9_-*/={value}");
    let (longest, longest_value) = (
        format!("{}=1", "z".repeat(256)),
        format!("a={}", "z".repeat(256)),
    );
    let tenant = format!("{}@{}=1", "t".repeat(241), "v".repeat(14));
    let short_vendor = format!("{}@v=1", "t".repeat(242));
    let long_vendor = format!("t@{}=1", "v".repeat(15));
    let (first, last) = (members(1..=20), members(21..=32));
    let thirty_two = members(1..=32);
    for (case, states, expected) in [
        (
            "tracestate_included_traceparent_included",
            &["foo=1,bar=2"][..],
            "foo=1,bar=2",
        ),
        ("tracestate_empty_header", &["foo=1", ""], "foo=1"),
        ("tracestate_empty_header", &["", "foo=1"], "foo=1"),
        (
            "tracestate_empty_header",
            &[",foo=1,, ,bar=2,"],
            "foo=1,bar=2",
        ),
        (
            "tracestate_multiple_headers_different_keys",
            &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            "foo=1,bar=2,rojo=1,congo=2,baz=3",
        ),
        ("tracestate_duplicated_keys", &["foo=1,foo=1"], "foo=1"),
        (
            "tracestate_duplicated_keys",
            &["foo=1", "bar=2,foo=2"],
            "foo=1,bar=2",
        ),
        ("tracestate_all_allowed_characters", &[&all], &all),
        ("tracestate_all_allowed_characters", &[&vendor], &vendor),
        (
            "tracestate_ows_handling",
            &["foo=1 \t , \t bar=2, \t baz=3"],
            "foo=1,bar=2,baz=3",
        ),
        ("tracestate_ows_handling", &["\t foo=1 \t"], "foo=1"),
        (
            "tracestate_key_illegal_vendor_format",
            &["foo@=1,bar=2"],
            "foo@=1,bar=2",
        ),
        (
            "tracestate_key_illegal_vendor_format",
            &["foo@@bar=1,bar=2"],
            "foo@@bar=1,bar=2",
        ),
        (
            "tracestate_key_illegal_vendor_format",
            &["bar=2", "foo@bar@baz=1"],
            "bar=2,foo@bar@baz=1",
        ),
        (
            "tracestate_member_count_limit",
            &[&first, &last],
            &thirty_two,
        ),
        ("tracestate_key_length_limit", &[&longest], &longest),
        ("tracestate_key_length_limit", &[&tenant], &tenant),
        (
            "tracestate_key_length_limit",
            &[&short_vendor],
            &short_vendor,
        ),
        ("tracestate_key_length_limit", &[&long_vendor], &long_vendor),
        ("value_length_limit", &[&longest_value], &longest_value),
    ] {
        assert_eq!(
            state(states).as_deref(),
            Some(expected),
            "{case}: {states:?}"
        );
    }
}

#[test]
fn invalid_tracestate_is_dropped() {
    let (key, value) = (
        format!("{}=1", "z".repeat(257)),
        format!("a={}", "z".repeat(257)),
    );
    let (first, last) = (members(1..=20), members(21..=33));
    for (case, states) in [
        ("tracestate_empty_header", &[""][..]),
        ("tracestate_key_illegal_characters", &["foo =1"]),
        ("tracestate_key_illegal_characters", &["FOO=1"]),
        ("tracestate_key_illegal_characters", &["foo.bar=1"]),
        ("tracestate_key_illegal_characters", &["bar=2,_foo=1"]),
        ("tracestate_key_illegal_characters", &["bar=2,=1"]),
        ("tracestate_key_illegal_vendor_format", &["@foo=1,bar=2"]),
        ("tracestate_member_count_limit", &[&first, &last]),
        ("tracestate_key_length_limit", &["foo=1", &key]),
        ("value_length_limit", &["foo=1", &value]),
        ("tracestate_value_illegal_characters", &["foo=bar=baz"]),
        ("tracestate_value_illegal_characters", &["foo=,bar=3"]),
        ("tracestate_value_illegal_characters", &["foo=1\t2"]),
        ("no member", &["foo=1,bar"]),
        ("not ASCII", &["foo=1", "bar=\u{fc}"]),
    ] {
        assert_eq!(state(states), None, "{case}: {states:?}");
    }
}

fn members(numbers: std::ops::RangeInclusive<u8>) -> String {
    let members: Vec<_> = numbers.map(|n| format!("bar{n:02}={n:02}")).collect();
    members.join(",")
}

#[test]
fn tracestate_belongs_to_its_trace() {
    let headers = HashMap::from(
        [("traceparent", PARENT), ("tracestate", "a@@b=1,c=2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let context = TraceContext.extract_with_context(&Context::new(), &headers);
    let state = |trace_id: u128, state: &str| {
        let flags = TraceFlags::SAMPLED;
        let span = SpanContext::new(
            trace_id.into(),
            SpanId::from(1),
            flags,
            false,
            state.parse().unwrap(),
        );
        let mut written = HashMap::new();
        TraceContext.inject_context(&context.with_remote_span_context(span), &mut written);
        written.remove("tracestate")
    };
    let trace = u128::from_str_radix(TRACE, 16).unwrap();
    // A child in the same trace, a child with a state that a sampler has changed, and a span of another trace.
    assert_eq!(state(trace, "c=2").as_deref(), Some("a@@b=1,c=2"));
    assert_eq!(state(trace, "x=1,c=2").as_deref(), Some("x=1,c=2"));
    assert_eq!(state(7, "c=2").as_deref(), Some("c=2"));
    assert_eq!(state(7, ""), None);
    // `TraceState` accepts characters that a header must not contain.
    assert_eq!(state(7, "c=\r\n"), None);
}

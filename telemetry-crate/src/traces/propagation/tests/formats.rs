//! B3 and Jaeger, with the examples of their specifications.

use super::*;

const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN: &str = "e457b5a2e4d86bd1";

/// The headers of all formats that are sent after `headers` were received.
fn written(headers: &[(&str, &str)]) -> [Option<String>; 3] {
    let chosen = [Propagator::B3, Propagator::Jaeger, Propagator::TraceContext];
    let written = forwarded(&chosen, headers);
    ["b3", "uber-trace-id", "traceparent"].map(|name| text(&written, name).map(str::to_owned))
}

fn expected(trace: &str, b3: &str, jaeger: &str, flags: &str) -> [Option<String>; 3] {
    [
        format!("{trace}-{SPAN}-{b3}"),
        format!("{trace}:{SPAN}:0:{jaeger}"),
        format!("00-{trace}-{SPAN}-{flags}"),
    ]
    .map(Some)
}

/// The headers of all formats for a sampled trace.
fn kept() -> [Option<String>; 3] {
    expected(TRACE, "1", "1", "01")
}

#[test]
fn b3_single_header_is_propagated() {
    let half = &TRACE[16..];
    for (header, expected) in [
        (format!("{TRACE}-{SPAN}-1"), kept()),
        (format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90"), kept()),
        (format!(" {TRACE}-{SPAN}-1 "), kept()),
        (format!("{TRACE}-{SPAN}-0"), expected(TRACE, "0", "0", "00")),
        (format!("{TRACE}-{SPAN}-d"), expected(TRACE, "d", "3", "01")),
        (
            format!("{half}-{SPAN}-1"),
            expected(&format!("{:0>32}", half), "1", "1", "01"),
        ),
    ] {
        assert_eq!(written(&[("b3", &header)]), expected, "{header}");
    }
}

#[test]
fn b3_multiple_headers_are_propagated() {
    let ids = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
    for (others, expected) in [
        (&[("X-B3-Sampled", "1")][..], kept()),
        (
            &[
                ("X-B3-ParentSpanId", "05e3ac9a4f6e3b90"),
                ("X-B3-Sampled", "1"),
            ],
            kept(),
        ),
        (&[("X-B3-Sampled", "true"), ("X-B3-Flags", "0")], kept()),
        (&[("X-B3-Sampled", "1"), ("X-B3-Sampled", "0")], kept()),
        (&[("X-B3-Sampled", "0")], expected(TRACE, "0", "0", "00")),
        (
            &[("X-B3-Sampled", "False")],
            expected(TRACE, "0", "0", "00"),
        ),
        (&[("X-B3-Flags", "1")], expected(TRACE, "d", "3", "01")),
        // A valid single header takes precedence.
        (
            &[("b3", &*format!("{TRACE}-{SPAN}-0")), ("X-B3-Sampled", "1")],
            expected(TRACE, "0", "0", "00"),
        ),
        (&[("b3", "nonsense"), ("X-B3-Sampled", "1")], kept()),
    ] {
        let headers: Vec<_> = ids.into_iter().chain(others.iter().copied()).collect();
        assert_eq!(written(&headers), expected, "{others:?}");
    }
}

#[test]
fn b3multi_writes_a_header_for_each_part() {
    for (state, sampled, flags) in [
        ("1", Some("1"), None),
        ("0", Some("0"), None),
        ("d", None, Some("1")),
    ] {
        let header = format!("{TRACE}-{SPAN}-{state}");
        let written = forwarded(&[Propagator::B3Multi], &[("b3", &header)]);
        assert_eq!(text(&written, "x-b3-traceid"), Some(TRACE));
        assert_eq!(text(&written, "x-b3-spanid"), Some(SPAN));
        assert_eq!(text(&written, "x-b3-sampled"), sampled, "{state}");
        assert_eq!(text(&written, "x-b3-flags"), flags, "{state}");
        assert!(!written.contains_key("b3") && !written.contains_key("x-b3-parentspanid"));
    }
}

#[test]
fn jaeger_header_is_propagated() {
    let half = &TRACE[16..];
    for (header, expected) in [
        (format!("{TRACE}:{SPAN}:0:1"), kept()),
        (format!("{TRACE}:{SPAN}:05e3ac9a4f6e3b90:01"), kept()),
        (format!("{TRACE}%3A{SPAN}%3a0%3A1"), kept()),
        (
            format!("{TRACE}:{SPAN}:0:0"),
            expected(TRACE, "0", "0", "00"),
        ),
        (
            format!("{TRACE}:{SPAN}:0:3"),
            expected(TRACE, "d", "3", "01"),
        ),
        // The firehose flag, which only Jaeger has, is ignored.
        (format!("{TRACE}:{SPAN}:0:9"), kept()),
        (
            format!("{half}:{SPAN}:0:1"),
            expected(&format!("{:0>32}", half), "1", "1", "01"),
        ),
        (
            format!("a:{SPAN}:0:1"),
            expected(&format!("{:0>32}", "a"), "1", "1", "01"),
        ),
    ] {
        assert_eq!(written(&[("uber-trace-id", &header)]), expected, "{header}");
    }
}

#[test]
fn malformed_headers_begin_a_new_trace() {
    let zero = "0".repeat(32);
    let (b3, jaeger) = (format!("{TRACE}-{SPAN}"), format!("{TRACE}:{SPAN}"));
    for (name, header) in [
        ("b3", "0".to_owned()),
        ("b3", "d".to_owned()),
        ("b3", String::new()),
        ("b3", format!("{b3}-x")),
        ("b3", format!("{b3}-1-x")),
        ("b3", format!("{b3}-1-05e3ac9a4f6e3b90-")),
        ("b3", format!("{zero}-{SPAN}-1")),
        ("b3", format!("{TRACE}-0000000000000000-1")),
        ("b3", format!("{}-{SPAN}-1", &TRACE[1..])),
        ("b3", format!("{}-{SPAN}-1", TRACE.to_uppercase())),
        ("b3", format!("{TRACE}-{}-1", &SPAN[1..])),
        ("x-b3-traceid", TRACE.to_owned()),
        ("x-b3-sampled", "1".to_owned()),
        ("uber-trace-id", jaeger.clone()),
        ("uber-trace-id", format!("{jaeger}:0")),
        ("uber-trace-id", format!("{jaeger}:0:")),
        ("uber-trace-id", format!("{jaeger}:0:x")),
        ("uber-trace-id", format!("{jaeger}:0:001")),
        ("uber-trace-id", format!("{jaeger}:0:1:")),
        ("uber-trace-id", format!("{zero}:{SPAN}:0:1")),
        ("uber-trace-id", format!("{TRACE}:0:0:1")),
        ("uber-trace-id", format!("1{TRACE}:{SPAN}:0:1")),
        ("uber-trace-id", format!("{TRACE}:1{SPAN}:0:1")),
        ("uber-trace-id", "%ff%00".to_owned()),
        ("uber-trace-id", "\u{fc}".to_owned()),
    ] {
        assert_eq!(
            written(&[(name, &header)]),
            [const { None }; 3],
            "{name}: {header}"
        );
    }
}

#[test]
fn malformed_headers_keep_other_formats() {
    let parent = format!("00-{TRACE}-{SPAN}-01");
    for (name, header) in [("b3", "0"), ("uber-trace-id", "x")] {
        assert_eq!(
            written(&[("traceparent", &parent), (name, header)]),
            kept(),
            "{name}"
        );
    }
}

#[test]
fn b3_without_a_decision_is_deferred() {
    let deferred = |header: &str| {
        let headers = HashMap::from([("b3".to_owned(), header.to_owned())]);
        is_deferred(&B3::Single.extract_with_context(&Context::new(), &headers))
    };
    assert!(deferred(&format!("{TRACE}-{SPAN}")));
    assert!(!deferred(&format!("{TRACE}-{SPAN}-0")));
    assert!(!deferred("0"));
}

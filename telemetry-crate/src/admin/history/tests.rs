//! Tests of the whole history: its bytes, its cursor and its JSON.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::{points::POINTS, *};

const MIB: usize = 1024 * 1024;

#[test]
fn bytes_are_a_fixed_part_of_the_recorder() {
    let full = history_bytes(8 * MIB);
    assert!((400_000..8 * MIB / 16).contains(&full), "{full}");
    assert_eq!(history_bytes(64 * MIB), full);
    assert!(history_bytes(2 * MIB) > 0);
    assert_eq!(history_bytes(256 * 1024), 0);
    for bytes in (0..9 * MIB).step_by(100_000) {
        assert!(history_bytes(bytes) <= bytes / 16);
        let store = Store::new(history_bytes(bytes), Instant::now());
        assert_eq!(store.is_some(), history_bytes(bytes) > 0);
    }
}

#[test]
fn cursors_have_the_points_that_are_new() {
    let mut store = Store::new(history_bytes(8 * MIB), Instant::now()).unwrap();
    assert_eq!(store.numbers(None), 0..0);
    assert_eq!(store.numbers(Some(0)), 0..0);
    // The number is of the process before this one.
    assert_eq!(store.numbers(Some(7)), 0..0);
    for _ in 0..3 {
        store.skip();
    }
    assert_eq!(store.numbers(None), 0..3);
    assert_eq!(store.numbers(Some(2)), 2..3);
    assert_eq!(store.numbers(Some(3)), 3..3);
    assert_eq!(store.numbers(Some(4)), 0..3);
    assert_eq!(store.numbers(Some(u64::MAX)), 0..3);
    for _ in 0..POINTS {
        store.skip();
    }
    assert_eq!(store.numbers(None), 3..183);
    assert_eq!(store.numbers(Some(2)), 3..183, "too old");
    assert_eq!(store.numbers(Some(3)), 3..183);
    assert_eq!(store.numbers(Some(182)), 182..183);
}

#[test]
fn queries_are_numbers_of_points() {
    assert_eq!(after(""), Ok(None));
    assert_eq!(after("after=12"), Ok(Some(12)));
    for (query, expected) in [
        ("after", "after: found \"\", expected the number of a point"),
        ("after=-1", "found \"-1\""),
        ("after=1e3", "found \"1e3\""),
        ("after=99999999999999999999999", "expected the number"),
        ("after=%0a%0a", "found \"\\n\\n\""),
        ("aftr=1", "unknown query \"aftr\": there is `after=`"),
        ("%00=1", "unknown query"),
    ] {
        let error = after(query).unwrap_err();
        assert!(error.contains(expected), "{query}: {error}");
        assert_eq!(error.lines().count(), 1, "{query}: {error}");
    }
}

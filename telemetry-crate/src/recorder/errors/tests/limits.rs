//! Tests of the limits on the number of groups and on their memory.

use super::{BYTES, Event, TestRoot, groups, recorder, row, summary};
use crate::recorder::{
    Recorder,
    errors::{
        PART,
        table::{MAX_EXAMPLE, MAX_GROUPS, MAX_ROOTS, MAX_TYPES},
    },
};

#[test]
fn storms_of_one_place_leave_others_alone() {
    for bytes in [256 * 1024, BYTES] {
        let recorder = Recorder::new(bytes, None);
        let rare = Event {
            file: Some("src/rare.rs"),
            ..Event::default()
        };
        rare.log(&recorder);
        TestRoot::start(&recorder, 1, "rare job").fail("timeout");
        let body = "x".repeat(3_000);
        for number in 0..20_000_u64 {
            let letters = words(number);
            let storm = Event {
                message: &letters,
                fields: &[("error.type", &letters), ("error", &body)],
                ..Event::default()
            };
            storm.log(&recorder);
            Event {
                target: &letters,
                file: None,
                ..storm
            }
            .log(&recorder);
            TestRoot::start(&recorder, number + 10, &letters).fail(&letters);
        }
        let summary = summary(&recorder);
        assert!(summary.contains(&row("src/rare.rs:42", "", 1)), "{bytes}");
        if bytes == BYTES {
            assert!(summary.contains(&row("rare job", "timeout", 1)));
            let further =
                |place: &str, most: usize| row(place, "(further types)", 20_000 - most as u64);
            assert!(summary.contains(&further("src/orders.rs:42", MAX_TYPES)));
            assert!(summary.contains(&further(":42", MAX_TYPES)));
            assert!(summary.contains(&further("(further names)", MAX_ROOTS - 1)));
        }
        let all: usize = groups(&recorder)
            .iter()
            .map(|group| group.example.capacity())
            .sum();
        assert!(all <= bytes / PART, "{all}");
    }
}

/// A program may choose the names of its roots at run time.
#[test]
fn names_of_roots_leave_other_places_alone() {
    let recorder = recorder();
    let rare = Event {
        file: Some("src/rare.rs"),
        ..Event::default()
    };
    rare.log(&recorder);
    let names = 20_000_u64;
    for number in 0..names {
        let root = TestRoot::start(&recorder, number + 10, &words(number));
        root.event().log(&recorder);
        root.fail("500");
    }
    let summary = summary(&recorder);
    assert!(summary.contains(&row("src/rare.rs:42", "", 1)));
    let further = names - MAX_ROOTS as u64;
    assert!(summary.contains(&row("src/orders.rs:42", "(further types)", further)));
    assert_eq!(groups(&recorder).len(), MAX_ROOTS + 2);
}

/// Errors of many routes take no place of others at the same line.
#[test]
fn groups_of_roots_leave_types_alone() {
    let recorder = recorder();
    for number in 0..MAX_TYPES as u64 + 4 {
        let root = TestRoot::start(&recorder, number + 10, &words(number));
        root.event().log(&recorder);
    }
    for error_type in ["timeout", "corrupt", ""] {
        let fields = [("error.type", error_type)];
        let event = Event {
            fields: &fields[..usize::from(!error_type.is_empty())],
            ..Event::default()
        };
        event.log(&recorder);
        assert!(summary(&recorder).contains(&row("src/orders.rs:42", error_type, 1)));
    }
    assert_eq!(groups(&recorder).len(), MAX_TYPES + 4 + 3);
}

/// One route that logs texts of its clients.
#[test]
fn messages_of_one_root_are_limited() {
    let recorder = recorder();
    let root = TestRoot::start(&recorder, 1, "GET /search");
    for number in 0..1_000 {
        let message = format!("found {}", words(number));
        Event {
            message: &message,
            ..root.event()
        }
        .log(&recorder);
    }
    let further = 1_000 - MAX_TYPES as u64;
    assert!(summary(&recorder).contains(&row("src/orders.rs:42", "(further types)", further)));
    assert_eq!(groups(&recorder).len(), MAX_TYPES + 1);
}

/// A text of letters for each number, because digits do not make a group.
fn words(number: u64) -> String {
    let digits = number.to_string();
    digits
        .chars()
        .map(|digit| (b'a' + digit as u8 - b'0') as char)
        .collect()
}

#[test]
fn full_tables_lose_the_rarest_group() {
    let recorder = recorder();
    let log = |number: u64, count: u64| {
        let file = format!("src/{}.rs", words(number));
        for _ in 0..count {
            let event = Event {
                file: Some(&file),
                ..Event::default()
            };
            event.log_at(&recorder, number);
        }
    };
    let most = MAX_GROUPS as u64;
    (0..most).for_each(|number| log(number, if number == 7 { 1 } else { 2 }));
    log(most, 2);
    assert_eq!(groups(&recorder).len(), MAX_GROUPS);
    assert!(!summary(&recorder).contains(&row("src/h.rs:42", "", 1)));
    // All counts are 2, so the one that occurred least recently goes.
    log(most + 1, 2);
    assert!(!summary(&recorder).contains(&row("src/a.rs:42", "", 2)));
    assert_eq!(recorder.errors().read().removed, 2);
}

#[test]
fn memory_is_within_the_budget() {
    let recorder = recorder();
    for number in 0..10_000_u64 {
        let file = format!("src/{}.rs", words(number % 400));
        let body = "ü".repeat((number % 1_500) as usize);
        Event {
            file: Some(&file),
            fields: &[("error", &body)],
            ..Event::default()
        }
        .log(&recorder);
    }
    let used = recorder.roots.budget.used();
    assert!(used > 100_000 && used <= BYTES / PART, "{used}");
    let largest = groups(&recorder)
        .into_iter()
        .map(|group| group.example.len())
        .max();
    assert!(largest <= Some(MAX_EXAMPLE));
}

#[test]
fn errors_without_memory_are_counted() {
    let recorder = recorder();
    let free = recorder.roots.budget.max() - recorder.roots.budget.used();
    assert!(recorder.roots.budget.reserve(free));
    Event::default().log(&recorder);
    assert!(groups(&recorder).is_empty());
    assert!(recorder.losses().any(|loss| loss == ("error_limit", 1)));
    recorder.roots.budget.release(free);
    Event::default().log(&recorder);
    assert_eq!(groups(&recorder).len(), 1);
}

#[test]
fn hostile_texts_are_bounded() {
    let recorder = recorder();
    let huge = "\u{1b}[31m\r\n\u{0}\u{202e}ü\"'".repeat(200_000);
    let event = Event {
        target: &huge,
        file: Some(&huge),
        message: &huge,
        fields: &[("error", &huge), ("error.type", &huge)],
        ..Event::default()
    };
    event.log(&recorder);
    Event {
        target: "panic",
        fields: &[("panic.location", &huge)],
        ..event
    }
    .log(&recorder);
    for location in ["", ":", "::", "a:b:c", ":99999999999:1", "ü:1:1"] {
        Event {
            target: "panic",
            fields: &[("panic.location", location)],
            ..Event::default()
        }
        .log(&recorder);
    }
    TestRoot::start(&recorder, 1, &huge).fail(&huge);
    let groups = groups(&recorder);
    assert_eq!(groups.len(), 9);
    for group in groups {
        assert!(group.example.len() <= MAX_EXAMPLE);
        assert!(group.error_type.len() <= 128);
    }
}

#[test]
fn threads_lose_no_error_in_silence() {
    let recorder = recorder();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5_000).for_each(|_| Event::default().log(&recorder)));
        }
        for _ in 0..100 {
            recorder.errors().read();
        }
    });
    let counted = groups(&recorder)[0].count;
    let lost: u64 = recorder.losses().map(|(_, count)| count).sum();
    assert_eq!(counted + lost, 40_000);
}

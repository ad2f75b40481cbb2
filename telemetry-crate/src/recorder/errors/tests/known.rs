//! Tests of fingerprints, by which the errors of the last process are known.

use super::{Event, TestRoot, groups, recorder};
use crate::recorder::{ErrorGroup, ErrorPlace, ErrorsView};

/// The last process and the last build must have had the same values.
#[test]
fn fingerprints_never_change() {
    let recorder = recorder();
    let order = Event {
        message: "cannot save order 4711",
        fields: &[("error.type", "timeout")],
        ..Event::default()
    };
    order.log(&recorder);
    let moved = Event {
        line: 99,
        message: "cannot save order 8",
        ..order
    };
    moved.log(&recorder);
    Event {
        message: "",
        fields: &[("error", "disk full")],
        ..Event::default()
    }
    .log(&recorder);
    Event {
        target: "panic",
        message: "panicked: index 7",
        fields: &[("panic.location", "src/main.rs:10:5")],
        ..Event::default()
    }
    .log(&recorder);
    Event {
        target: "sqlx_core::pool",
        file: Some("/home/ada/.cargo/registry/src/index-1/sqlx-core-0.9.0/src/pool.rs"),
        ..Event::default()
    }
    .log(&recorder);
    TestRoot::start(&recorder, 1, "GET /orders/{id}").fail("500");
    let groups = groups(&recorder);
    let fingerprint = |place: &str| {
        let is_there = |group: &&ErrorGroup| match &group.place {
            ErrorPlace::Code { file, line, .. } => format!("{file}:{line}").ends_with(place),
            ErrorPlace::Root(name) => **name == *place,
        };
        let found: Vec<_> = groups.iter().filter(is_there).collect();
        found.iter().map(|group| group.fingerprint).max()
    };
    let of_line = fingerprint("orders.rs:99");
    assert_eq!(of_line, Some(0xfd07_53af_60bd_aeb3));
    assert!(
        groups
            .iter()
            .filter(|group| Some(group.fingerprint) == of_line)
            .count()
            == 2
    );
    assert_eq!(fingerprint("src/main.rs:10"), Some(0x96ec_59d7_9b0d_8c30));
    assert_eq!(fingerprint("src/pool.rs:42"), Some(0xb33e_197b_cf65_2c4b));
    assert_eq!(fingerprint("GET /orders/{id}"), Some(0x5db7_84b0_d8b0_9e11));
    let of_function = groups.iter().find(|group| group.example == "disk full");
    let of_function = of_function.map(|group| group.fingerprint);
    assert_eq!(of_function, Some(0x5d51_1eb6_3c68_5305));
}

fn new_groups(view: &ErrorsView) -> Option<usize> {
    let news = view.groups.iter().map(|group| view.is_new(group));
    let news: Option<Vec<bool>> = news.collect();
    news.map(|news| news.into_iter().filter(|is_new| *is_new).count())
}

#[test]
fn errors_of_the_last_process_are_known() {
    let last = recorder();
    Event::default().log_at(&last, 2);
    let mail = Event {
        message: "cannot send",
        ..Event::default()
    };
    mail.log_at(&last, 1);
    assert_eq!(new_groups(&last.errors().read()), None);
    let known = last.errors().fingerprints();
    assert_eq!(known.len(), 2);

    let recorder = recorder();
    Event {
        line: 43,
        ..Event::default()
    }
    .log(&recorder);
    Event {
        message: "cannot load",
        ..Event::default()
    }
    .log(&recorder);
    recorder.errors().know(&known);
    assert_eq!(new_groups(&recorder.errors().read()), Some(1));
    // The error that this process did not have is still known, and the newest ones are at the end.
    let all = recorder.errors().fingerprints();
    assert_eq!((all.len(), all[0]), (3, known[0]));
    recorder.errors().know(&vec![7; 100_000]);
    assert!(recorder.errors().fingerprints().len() <= 1_024);
    recorder.errors().know(&[]);
    assert_eq!(new_groups(&recorder.errors().read()), Some(2));
}

use super::*;
use crate::recorder::last_words::samples::{at, full, open_root};

fn killed() -> LastWords {
    LastWords {
        ended: Ended::Running,
        memory: None,
        survived_panic: None,
        stopping_since: None,
        stalled_since: None,
        ..full()
    }
}

fn summary(words: &LastWords) -> String {
    Report::new(words, at(102), Some(42)).summary
}

#[test]
fn clean_end_is_told() {
    let words = LastWords {
        ended: Ended::Clean { at: at(100) },
        ..killed()
    };
    let expected = "the last process ended cleanly 2.0 s before this start";
    assert_eq!(summary(&words), expected);
    assert_eq!(Report::new(&words, at(102), None).ended, "clean");
}

#[test]
fn failed_program_is_told() {
    let error = Panic {
        at: at(100),
        message: "no database: refused".to_owned(),
    };
    let words = LastWords {
        ended: Ended::Failed(error),
        ..killed()
    };
    let expected = "the last process failed 2.0 s before this start: no database: refused";
    assert_eq!(summary(&words), expected);
    assert_eq!(Report::new(&words, at(102), None).ended, "failed");
}

#[test]
fn panic_is_told() {
    let words = LastWords {
        ended: full().ended,
        ..killed()
    };
    let expected = "the last process ended in a panic 3.0 s before this start: index out of bounds";
    assert_eq!(summary(&words), expected);
}

#[test]
fn kill_is_told_with_its_likely_cause() {
    let silent =
        "the last process did not shut down: its last heartbeat was 2.0 s before this start";
    assert_eq!(summary(&killed()), silent);
    let memory = |used| LastWords {
        memory: Some(Memory {
            used,
            limit: Some(1000),
        }),
        ..killed()
    };
    let out = format!("{silent}; memory was at 97 % of its limit: probably the OOM killer");
    assert_eq!(summary(&memory(972)), out);
    let enough = format!("{silent}; memory was at 89 % of its limit");
    assert_eq!(summary(&memory(899)), enough);
    let stalled = LastWords {
        stalled_since: Some(at(88)),
        ..killed()
    };
    let since =
        format!("{silent}; its runtime had stalled since 2027-01-15T08:01:28.000Z, for 12.0 s");
    assert_eq!(summary(&stalled), since);
    let stopping = LastWords {
        stopping_since: Some(at(70)),
        ..killed()
    };
    let told = "; it had been told to stop 30.0 s before its last heartbeat";
    let short = format!("{silent}{told}, so its grace period was probably too short");
    assert_eq!(summary(&stopping), short);
    // A stalled runtime does not stop, however long it has.
    let stopping = LastWords {
        stopping_since: Some(at(70)),
        ..stalled
    };
    assert_eq!(summary(&stopping), since + told);
    let rebooted = Report::new(&killed(), at(102), Some(43)).summary;
    assert_eq!(
        rebooted,
        format!("{silent}; the machine has restarted since")
    );
}

#[test]
fn clock_that_was_set_back_is_told() {
    let report = Report::new(&killed(), at(99), Some(42));
    assert!(
        report
            .summary
            .ends_with("was after this start, so the clock was set back")
    );
}

#[test]
fn text_has_roots_and_lines() {
    let text = Report::new(&killed(), at(102), None).text;
    let expected = "\
the last process did not shut down: its last heartbeat was 2.0 s before this start
(It was killed, or exited without a shutdown of telemetry. What follows is as of its last heartbeat, so what happened in the last 250 ms may be missing.)

service orders 1.2.3, revision abc1234, instance orders-0, pid 7
started 2027-01-15T08:00:00.000Z, last heartbeat 2027-01-15T08:01:40.000Z

open: 5, the oldest first
00000000000000000000000000000001 GET /orders/1 for 99.0 s, in SELECT orders for 98.0 s
00000000000000000000000000000002 GET /orders/2 for 98.0 s, in SELECT orders for 97.0 s
00000000000000000000000000000003 GET /orders/3 for 97.0 s, in SELECT orders for 96.0 s

last log lines
{\"message\":\"line 0\"}
{\"message\":\"line 1\"}
{\"message\":\"line 2\"}
{\"message\":\"line 3\"}
{\"message\":\"line 4\"}
";
    assert_eq!(text, expected);
    let mut unknown = killed();
    unknown.process.revision.clear();
    let text = Report::new(&unknown, at(102), None).text;
    assert!(text.contains("orders 1.2.3, instance orders-0"), "{text}");
}

#[test]
fn text_is_bounded() {
    let long = "ä".repeat(30_000);
    let words = LastWords {
        ended: Ended::Panic(Panic {
            at: at(1),
            message: long.clone(),
        }),
        survived_panic: Some(Panic {
            at: at(1),
            message: long.clone(),
        }),
        open: (0..1000).map(open_root).collect(),
        lines: (0..1000)
            .map(|it| format!("line {it}").into_bytes())
            .collect(),
        ..full()
    };
    let report = Report::new(&words, at(102), None);
    assert!(report.text.len() <= MAX_TEXT, "{}", report.text.len());
    assert!(report.text.ends_with("line 998\nline 999\n"));
    assert!(report.event.lines.ends_with("line 998\nline 999\n"));
    assert!(report.event.lines.len() <= MAX_LINES_FIELD);
    assert!(report.event.open.len() <= MAX_OPEN_FIELD);
    assert!(report.summary.len() <= 2048, "{}", report.summary.len());
    let one = LastWords {
        lines: vec![long.into_bytes()],
        ..words
    };
    let report = Report::new(&one, at(102), None);
    assert!(report.text.len() <= MAX_TEXT, "{}", report.text.len());
    assert!(report.event.lines.len() <= MAX_LINES_FIELD);
}

/// A line of a damaged file must not control the terminal.
#[test]
fn control_characters_are_replaced() {
    let mut words = killed();
    words.lines = vec![b"\x1b[2J\xffred\r\n".to_vec()];
    words.open[0].name = "a\nb\x07".to_owned();
    let report = Report::new(&words, at(102), None);
    assert!(report.text.contains("\u{fffd}[2J\u{fffd}red\n"));
    assert!(report.text.contains("a\u{fffd}b\u{fffd} for"));
}

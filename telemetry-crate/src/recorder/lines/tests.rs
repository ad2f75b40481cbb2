//! Tests of the ring of log lines, its memory and its readers.

#![expect(clippy::panic, reason = "tests")]

use std::sync::atomic::AtomicBool;

use super::*;

fn note<'a>(text: &'a str, target: LineTarget<'a>) -> LineNote<'a> {
    LineNote {
        level: Level::INFO,
        target,
        trace_id: None,
        text: text.as_bytes(),
    }
}

fn push(lines: &Lines, text: &str) {
    lines.push(
        &note(text, LineTarget::Static("orders")),
        &Losses::default(),
    );
}

/// Reads all lines from the cursor on, and the number of missed ones.
fn read(lines: &Lines, cursor: &mut LineCursor, filter: &LineFilter) -> (Vec<String>, u64) {
    let (mut read, mut missed) = (Vec::new(), 0);
    loop {
        let batch = lines.read(cursor, filter);
        missed += batch.missed;
        read.extend((batch.lines()).map(|line| String::from_utf8_lossy(line).into_owned()));
        if batch.is_last {
            return (read, missed);
        }
    }
}

fn all(lines: &Lines) -> Vec<String> {
    read(lines, &mut lines.cursor(0), &LineFilter::default()).0
}

#[test]
fn last_lines_stay_whole_and_in_order() {
    for bytes in [1_000, 4_096, 20_164, 100_000] {
        let lines = Lines::new(bytes);
        assert!(lines.bytes() <= bytes);
        let mut cursor = lines.cursor(0);
        let line = |number: usize| format!("{number}{}\n", "x".repeat(number * 37 % 300));
        for number in 0..5_000 {
            push(&lines, &line(number));
            if number % 1_000 == 0 {
                let _ = read(&lines, &mut cursor, &LineFilter::default());
            }
        }
        let kept = all(&lines);
        assert!(kept.len() > bytes / 700, "{} of {bytes} bytes", kept.len());
        let first = 5_000 - kept.len();
        let expected: Vec<String> = (first..5_000).map(line).collect();
        assert_eq!(kept, expected);
        // The slower reader gets the same lines, and the number of those between.
        let (slow, missed) = read(&lines, &mut cursor, &LineFilter::default());
        assert_eq!(slow, expected);
        assert_eq!(missed, first as u64 - 4_001);
        assert_eq!(lines.range(), first as u64..5_000);
    }
}

#[test]
fn million_lines_take_no_more_memory() {
    let lines = Lines::new(50_000);
    let memory = || {
        let ring = lines.lock();
        ring.text.len() + ring.slots.capacity() * SLOT_BYTES
    };
    let before = memory();
    assert!(before <= 50_000);
    for number in 0..1_000_000 {
        push(&lines, &format!("{number}\n"));
    }
    assert_eq!(memory(), before);
    assert_eq!(all(&lines).last().map(String::as_str), Some("999999\n"));
}

#[test]
fn lines_that_do_not_fit_are_counted() {
    let (lines, losses) = (Lines::new(1_000), Losses::default());
    let target = LineTarget::Static("orders");
    lines.push(&note("first\n", target), &losses);
    let mut cursor = lines.cursor(1);
    lines.push(&note(&"x".repeat(1_001), target), &losses);
    lines.push(&note("last\n", target), &losses);
    let (read, missed) = read(&lines, &mut cursor, &LineFilter::default());
    assert_eq!((&*read, missed), (&["last\n".to_owned()][..], 1));
    assert_eq!(all(&lines), ["first\n", "last\n"]);
    assert_eq!(losses.counts()[1], ("record_limit", 1));
    // The largest line fits into the smallest recorder.
    let smallest = Lines::new(super::super::bytes_of_lines(262_144));
    push(&smallest, &"x".repeat(16 * 1024));
    assert_eq!(all(&smallest).len(), 1);
    // A ring without memory keeps nothing.
    push(&Lines::new(0), "line\n");
}

#[test]
fn lines_are_lost_while_it_is_locked() {
    let (lines, losses) = (Lines::new(10_000), Losses::default());
    let mut cursor = lines.cursor(0);
    let target = LineTarget::Static("orders");
    {
        let _reader = lines.lock();
        lines.push(&note("lost\n", target), &losses);
    }
    lines.push(&note("kept\n", target), &losses);
    assert_eq!(losses.counts()[0], ("contention", 1));
    let (read, missed) = read(&lines, &mut cursor, &LineFilter::default());
    assert_eq!((&*read, missed), (&["kept\n".to_owned()][..], 1));
}

#[test]
fn filters_choose_lines() {
    let (lines, losses) = (Lines::new(4_000), Losses::default());
    let trace = TraceId::from(7);
    let long = "é".repeat(300);
    // Enough lines that targets cross the end of the ring.
    for number in 0..500 {
        for (level, target, trace_id) in [
            (Level::ERROR, LineTarget::Static("orders"), None),
            (Level::WARN, LineTarget::Static("orders::db"), Some(trace)),
            (Level::DEBUG, LineTarget::Text("hyper::proto"), Some(trace)),
            (Level::TRACE, LineTarget::Text(&long), None),
        ] {
            let text = format!("{level} {number}\n");
            let note = LineNote {
                level,
                target,
                trace_id,
                text: text.as_bytes(),
            };
            lines.push(&note, &losses);
        }
        let levels = |filter: &LineFilter| {
            let (lines, _) = read(&lines, &mut lines.cursor(0), filter);
            let mut levels: Vec<String> = (lines.iter())
                .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
                .collect();
            levels.sort_unstable();
            levels.dedup();
            levels.join(" ")
        };
        let by_target = |target: &str| {
            levels(&LineFilter {
                target: target.to_owned(),
                ..LineFilter::default()
            })
        };
        assert_eq!(by_target("orders"), "ERROR WARN");
        assert_eq!(by_target("orders::db"), "WARN");
        assert_eq!(by_target("hyper::"), "DEBUG");
        assert_eq!(by_target("hyper::proto::"), "");
        assert_eq!(by_target(&long[..200]), "TRACE");
        assert_eq!(by_target(""), "DEBUG ERROR TRACE WARN");
        let by_level = |level| {
            levels(&LineFilter {
                level: Some(level),
                ..LineFilter::default()
            })
        };
        assert_eq!(by_level(Level::ERROR), "ERROR");
        assert_eq!(by_level(Level::INFO), "ERROR WARN");
        let of_trace = LineFilter {
            trace_id: Some(trace),
            ..LineFilter::default()
        };
        assert_eq!(levels(&of_trace), "DEBUG WARN");
    }
}

/// Each reader gets whole lines in order, and the number of the others.
#[test]
fn concurrent_readers_see_whole_lines() {
    const WRITERS: usize = 4;
    const LINES: u64 = 20_000;
    let (lines, losses) = (Lines::new(30_000), Losses::default());
    let is_over = AtomicBool::new(false);
    let follow = |mut cursor| {
        let mut last = [0; WRITERS];
        let (mut seen, mut missed) = (0, 0);
        loop {
            let will_end = is_over.load(Ordering::Acquire);
            let (read, lost) = read(&lines, &mut cursor, &LineFilter::default());
            missed += lost;
            for line in read {
                let parts: Vec<u64> = (line.trim_end().split(' '))
                    .map(|part| part.parse().unwrap_or(u64::MAX))
                    .collect();
                let [writer, number, padding @ ..] = &*parts else {
                    panic!("{line:?}");
                };
                assert_eq!(padding, vec![*number; (number % 40) as usize], "{line}");
                let last = &mut last[*writer as usize];
                assert!(*number > *last, "{number} after {last}");
                *last = *number;
                seen += 1;
            }
            if will_end {
                return seen + missed;
            }
        }
    };
    let totals: Vec<u64> = thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| lines.cursor(0))
            .map(|cursor| scope.spawn(move || follow(cursor)))
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (lines, losses) = (&lines, &losses);
                scope.spawn(move || {
                    for number in 1..=LINES {
                        let padding = format!(" {number}").repeat((number % 40) as usize);
                        let text = format!("{writer} {number}{padding}\n");
                        lines.push(&note(&text, LineTarget::Text("orders")), losses);
                    }
                })
            })
            .collect();
        let finished = writers.into_iter().all(|writer| writer.join().is_ok());
        assert!(finished);
        is_over.store(true, Ordering::Release);
        (readers.into_iter())
            .map(|reader| reader.join().unwrap_or_default())
            .collect()
    });
    assert_eq!(totals, [WRITERS as u64 * LINES; 2]);
}

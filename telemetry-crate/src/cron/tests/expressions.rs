//! Tests of expressions whose meaning differs between parsers.

use super::*;

/// Returns the first three ticks after a time, or the error.
fn ticks(expression: &str, after: &str) -> Result<[String; 3], String> {
    let schedule = Schedule::cron(expression).map_err(|error| error.to_string())?;
    let mut time = at(after);
    Ok([(); 3].map(|()| {
        time = schedule.after(time).unwrap();
        time.to_string()
    }))
}

fn days(expression: &str) -> [String; 3] {
    // 1 November 2026 is a Sunday.
    let ticks = ticks(expression, "2026-10-31T23:59:59Z").unwrap();
    ticks.map(|tick| tick[..10].to_owned())
}

#[test]
fn longest_gap_covers_all_units() {
    let day = 24 * 60 * MINUTE;
    for (expression, gap) in [
        ("* * * * *", MINUTE),
        ("* * * * * *", Duration::from_secs(1)),
        ("0,50 * * * * *", Duration::from_secs(50)),
        ("0-29 * * * *", 31 * MINUTE),
        ("*/5 9-17 * * *", 15 * 60 * MINUTE + 5 * MINUTE),
        // From Friday 23:55 to Monday.
        ("*/5 * * * 1-5", 2 * day + 5 * MINUTE),
        ("0 3 1 * *", 31 * day),
        ("0 3 31 * *", 61 * day),
        ("0 0 * 2 *", 338 * day),
        // 2100 is not a leap year, so eight years pass from 2096 to 2104.
        ("0 0 29 2 *", 2921 * day),
    ] {
        let schedule = Schedule::cron(expression).unwrap();
        assert_eq!(schedule.longest_gap(), gap, "{expression}");
    }
}

#[test]
fn day_fields_follow_vixie_cron() {
    // A day needs to match only one of the two fields. If one of them begins with a star, it needs
    // to match both.
    assert_eq!(
        days("0 0 13 * FRI"),
        ["2026-11-06", "2026-11-13", "2026-11-20"]
    );
    assert_eq!(
        days("0 0 */10 * MON"),
        ["2026-12-21", "2027-01-11", "2027-02-01"]
    );
    assert_eq!(
        days("0 0 1-7 * */7"),
        ["2026-11-01", "2026-12-06", "2027-01-03"]
    );
    assert_eq!(
        days("0 0 * * MON"),
        ["2026-11-02", "2026-11-09", "2026-11-16"]
    );
    assert_eq!(
        days("0 0 3 * *"),
        ["2026-11-03", "2026-12-03", "2027-01-03"]
    );
    assert_eq!(days("0 0 * * 7"), days("0 0 * * 0"));
    assert_eq!(
        days("0 0 * * 5-7"),
        ["2026-11-01", "2026-11-06", "2026-11-07"]
    );
}

#[test]
fn weekdays_of_quartz_are_refused() {
    for expression in [
        "0 12 ? * 2-6",
        "0 0 12 ? * 2",
        "0 12 ? * 6#3",
        "0 12 ? * 6L",
        "0 12 * ? 2",
        "0 12 ? * MON,6",
        "0 12 ? * FRI#3,6#3",
        "0 12 ? * 2/2",
    ] {
        let error = ticks(expression, "2026-10-31T00:00:00Z").unwrap_err();
        assert!(error.contains("MON-FRI"), "{expression}: {error}");
    }
    // A number after `#` or `/` is a count and not a weekday.
    assert_eq!(days("0 12 ? * FRI#3"), days("0 12 * * 5#3"));
    assert_eq!(days("0 0 12 ? * MON#1,FRI#3"), days("0 12 * * 1#1,5#3"));
    assert_eq!(days("0 12 ? * FRIL"), days("0 12 * * 5L"));
    assert_eq!(days("0 12 ? * MON-FRI/2"), days("0 12 * * 1-5/2"));
    assert_eq!(days("0 12 ? * MON-FRI"), days("0 12 * * 1-5"));
    assert_eq!(days("0 0 12 3 * ?"), days("0 12 3 * *"));
}

#[test]
fn other_dialects_are_refused() {
    for expression in [
        "@reboot",
        "@every 5m",
        "5/15 * * * *",
        "/15 * * * *",
        "1,,2 * * * *",
        "0 3 * * FRI-MON",
        "H 3 * * *",
        // A year at the end, as on AWS and in Quartz.
        "0 12 * * ? 2026",
        "0 0 12 * * ? 2026",
    ] {
        let refused = ticks(expression, "2026-10-31T00:00:00Z");
        assert!(refused.is_err(), "{expression}: {refused:?}");
    }
}

#[test]
fn errors_name_the_field() {
    for (expression, reason) in [
        ("60 * * * *", "its minute is \"60\", expected 0 to 59"),
        ("*/0 * * * *", "its minute is \"*/0\", expected 0 to 59"),
        ("0 24 * * *", "its hour is \"24\", expected 0 to 23"),
        ("0 3 0 * *", "its day of month is \"0\", expected 1 to 31"),
        ("0 3 * 13 *", "its month is \"13\", expected 1 to 12"),
        ("0 3 * * 8", "its day of week is \"8\", expected 0 to 7"),
        (
            "0 3 * * MOON",
            "its day of week is \"MOON\", expected 0 to 7",
        ),
        ("99 0 3 * * *", "its second is \"99\", expected 0 to 59"),
        ("0 9-5 * * *", "its hour is \"9-5\", expected 0 to 23"),
        ("* * * *", "it has 4 fields, expected five"),
        ("5", "it has 1 field, expected five"),
        ("", "it has 0 fields, expected five"),
        ("0 0 3 * * * 2026", "it has 7 fields, expected five"),
        ("@reboot", "expected @hourly"),
        ("@every 5m", "expected @hourly"),
        ("1,,2 * * * *", "a list has an empty item"),
    ] {
        let error = ticks(expression, "2026-10-31T00:00:00Z").unwrap_err();
        let expected = format!("cron expression: found {expression:?}: {reason}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

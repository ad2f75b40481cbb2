//! The deadline of a call, which distinguishes a timeout from a cancellation.

use std::time::Duration;

use http::HeaderMap;

/// Returns the time that the caller allows for the call, from `grpc-timeout`.
///
/// [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests)
/// defines the header's value as at most eight digits and a unit. An invalid header is ignored.
pub(super) fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let timeout = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = timeout.split_at_checked(timeout.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 60 * 60),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Returns whether a call of this duration has missed its deadline.
///
/// The caller's clock starts when it sends the request. So the caller stops waiting slightly before
/// the deadline on the server's clock. The difference is the network's delay, for which a tenth of
/// the deadline and at most 100 ms is allowed.
pub(super) fn has_passed(deadline: Duration, duration: Duration) -> bool {
    let slack = (deadline / 10).min(Duration::from_millis(100));
    duration >= deadline - slack
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::{deadline, has_passed};

    #[test]
    fn deadlines_are_a_number_and_a_unit() {
        let of = |timeout: &'static str| {
            let value = HeaderValue::from_static(timeout);
            deadline(&HeaderMap::from_iter([(
                "grpc-timeout".parse().ok()?,
                value,
            )]))
        };
        assert_eq!(of("250m"), Some(Duration::from_millis(250)));
        assert_eq!(
            of("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3_600))
        );
        for nonsense in ["", "H", "-1S", "+1S", "1", "1x", "123456789S", "1 S"] {
            assert_eq!(of(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn deadlines_pass_slightly_early() {
        let (second, milli) = (Duration::from_secs(1), Duration::from_millis);
        assert!(has_passed(second, second));
        assert!(has_passed(second, milli(900)));
        assert!(!has_passed(second, milli(899)));
        assert!(!has_passed(60 * second, 59 * second));
        assert!(has_passed(Duration::ZERO, Duration::ZERO));
    }
}

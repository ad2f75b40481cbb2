//! Numbers as Grafana writes them, by the ids of its units.

pub(super) fn shown(value: f64, unit: &str) -> String {
    match unit {
        "percentunit" => format!("{} %", short(value * 100.0)),
        "s" if value.is_infinite() => "∞".to_owned(),
        "s" if value.abs() < 0.001 => format!("{} µs", short(value * 1e6)),
        "s" if value.abs() < 1.0 => format!("{} ms", short(value * 1e3)),
        "s" => format!("{} s", short(value)),
        "bytes" => scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB"]),
        "reqps" => format!("{} req/s", short(value)),
        "ops" | "cps" => format!("{}/s", short(value)),
        "bool_yes_no" => if value > 0.0 { "yes" } else { "no" }.to_owned(),
        _ => scaled(value, 1000.0, &["", "K", "M", "G"]),
    }
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for next in units {
        if value.abs() < step {
            break;
        }
        value /= step;
        unit = next;
    }
    format!("{} {unit}", short(value)).trim_end().to_owned()
}

/// Three digits that mean something.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        ten if ten >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, unit, text) in [
            (0.999, "percentunit", "99.9 %"),
            (0.0042, "s", "4.2 ms"),
            (12.5, "s", "12.5 s"),
            (1_234.0, "short", "1.23 K"),
            (3.0 * 1024.0 * 1024.0, "bytes", "3 MiB"),
            (100.0, "reqps", "100 req/s"),
            (0.0, "short", "0"),
        ] {
            assert_eq!(shown(value, unit), text);
        }
    }
}

//! The colors of Grafana's dark theme.

/// Grafana's classic palette, as its color mode `palette-classic-by-name` uses it.
///
/// In this mode, Grafana skips colors that have too little contrast with the background of a panel. They are not in this
/// list.
const PALETTE: [&str; 46] = [
    "#73BF69", "#F2CC0C", "#5794F2", "#FF9830", "#F2495C", "#B877D9", "#37872D", "#E0B400",
    "#FA6400", "#C8F2C2", "#FFF899", "#C0D8FF", "#FFCB7D", "#FFA6B0", "#DEB6F2", "#447EBC",
    "#C15C17", "#B7DBAB", "#F4D598", "#70DBED", "#F9BA8F", "#F29191", "#82B5D8", "#E5A8E2",
    "#AEA2E0", "#629E51", "#E5AC0E", "#64B0C8", "#E0752D", "#9AC48A", "#F2C96D", "#65C5DB",
    "#F9934E", "#EA6460", "#5195CE", "#D683CE", "#806EB7", "#967302", "#E0F9D7", "#FCEACA",
    "#CFFAFF", "#F9E2D2", "#FCE2DE", "#BADFF4", "#F9D9F9", "#DEDAF7",
];

/// The color names that [`named`] knows.
pub(super) const NAMES: [&str; 6] = ["green", "red", "orange", "yellow", "blue", "purple"];

/// The code of a color in [`NAMES`], or that of green for any other name.
pub(super) fn named(color: &str) -> &'static str {
    match color {
        "red" => "#F2495C",
        "orange" => "#FF9830",
        "yellow" => "#FADE2A",
        "blue" => "#5794F2",
        "purple" => "#B877D9",
        _ => "#73BF69",
    }
}

/// The color that Grafana's mode `palette-classic-by-name` gives to a series.
///
/// The hash is that of the npm package `string-hash`, which reads UTF-16 code units from the end.
pub(super) fn by_name(name: &str) -> &'static str {
    let units: Vec<_> = name.encode_utf16().collect();
    let hash = units.iter().rev().fold(5381_u32, |hash, unit| {
        hash.wrapping_mul(33) ^ u32::from(*unit)
    });
    let index = usize::try_from(hash).unwrap_or_default() % PALETTE.len();
    PALETTE.get(index).copied().unwrap_or("#73BF69")
}

/// The shade of a color for the series at `index`.
///
/// The first series has the color itself. The next ones are alternately lighter and darker, each pair further from it.
pub(super) fn shade(color: &str, index: usize) -> String {
    let amount = f64::from(u8::try_from(index.div_ceil(2)).unwrap_or(u8::MAX)) * 0.13;
    let is_lighter = index % 2 == 1;
    let mixed = [1..3, 3..5, 5..7].map(|digits| {
        let digits = color.get(digits).unwrap_or_default();
        let channel = f64::from(u8::from_str_radix(digits, 16).unwrap_or(128));
        let target = if is_lighter { 255.0 } else { 0.0 };
        channel + (target - channel) * amount.min(0.7)
    });
    let [red, green, blue] = mixed.map(|channel| channel.round());
    format!("rgb({red},{green},{blue})")
}

/// The color of a value from 0 to 1 on the Turbo scale.
///
/// The scale starts almost black and goes through blue, green and yellow to dark red. Colors between the stops are
/// interpolated.
pub(super) fn turbo(value: f64) -> String {
    const STOPS: [[f64; 3]; 9] = [
        [35.0, 23.0, 27.0],
        [69.0, 105.0, 238.0],
        [38.0, 188.0, 225.0],
        [63.0, 243.0, 147.0],
        [149.0, 251.0, 81.0],
        [236.0, 209.0, 46.0],
        [255.0, 130.0, 29.0],
        [203.0, 47.0, 13.0],
        [144.0, 12.0, 0.0],
    ];
    let position = value.clamp(0.0, 1.0) * 8.0;
    let below = (0_u8..8).rev().find(|index| f64::from(*index) <= position);
    let below = below.unwrap_or_default();
    let fraction = position - f64::from(below);
    let below = usize::from(below);
    let [red, green, blue] = [0, 1, 2].map(|channel| {
        let channel_of = |stop: usize| STOPS.get(stop).and_then(|stop| stop.get(channel));
        let from = channel_of(below).unwrap_or(&0.0);
        let to = channel_of(below + 1).unwrap_or(&0.0);
        (from + (to - from) * fraction).round()
    });
    format!("rgb({red},{green},{blue})")
}

#[cfg(test)]
mod tests {
    use super::by_name;

    /// The expected colors are those of `@grafana/data` 13.2.3.
    #[test]
    fn series_have_the_colors_of_their_names() {
        for (name, color) in [
            ("p50", "#F4D598"),
            ("p99", "#967302"),
            ("ok", "#629E51"),
            ("orders", "#E0752D"),
            ("GET /orders/{id}", "#447EBC"),
            ("used", "#FFF899"),
            ("idle", "#FF9830"),
        ] {
            assert_eq!(by_name(name), color, "{name}");
        }
    }
}

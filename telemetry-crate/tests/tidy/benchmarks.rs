//! The costs that other pages state are those of the page with the benchmarks.

use std::collections::BTreeMap;

use crate::{generated, read};

const PAGE: &str = "docs/book/src/benchmarks.md";

/// Phrases before a number of another page, and before the same one here.
const REPEATED: [(&str, &str, &str); 3] = [
    (
        "docs/book/src/recorder.md",
        "Each further span with one field costs about ",
        "Each further span with one field costs about ",
    ),
    (
        "docs/book/src/recorder.md",
        "With two fields it costs about ",
        "that is held and not logged costs about ",
    ),
    (
        "docs/book/src/traces.md",
        "and is not sampled then takes about ",
        "an unsampled request costs ",
    ),
];

/// The instructions that each variant adds to a request, by condition.
///
/// The row of `bare` has all its instructions.
struct Counts(BTreeMap<String, BTreeMap<String, i64>>);

impl Counts {
    fn from_page(page: &str) -> Self {
        let (_, section) = page.split_once("\n## In instructions\n").unwrap();
        let mut rows = section
            .lines()
            .skip_while(|line| !line.starts_with("| | "))
            .take_while(|line| line.starts_with('|'))
            .map(cells);
        let conditions = rows.next().unwrap();
        let counts = rows.skip(1).map(|row| {
            let numbers = row[1..].iter().map(|cell| number(cell));
            let conditions = conditions[1..].iter().cloned();
            (row[0].replace('*', ""), conditions.zip(numbers).collect())
        });
        Self(counts.collect())
    }

    fn at(&self, variant: &str, condition: &str) -> i64 {
        let counts = self.0.get(variant);
        let count = counts.and_then(|counts| counts.get(condition));
        *count.unwrap_or_else(|| panic!("{PAGE} has no count of {variant} with {condition}"))
    }
}

fn cells(row: &str) -> Vec<String> {
    let cells = row.trim_matches('|').split('|');
    cells.map(|cell| cell.trim().to_owned()).collect()
}

/// The number at the start of a text, such as 63700 of `+63,700 (0.23)`.
fn number(text: &str) -> i64 {
    let text = text.trim_start_matches('+');
    let number = text.split(|it: char| !it.is_ascii_digit() && !"-,".contains(it));
    let number = number.into_iter().next().unwrap().replace(',', "");
    number
        .parse()
        .unwrap_or_else(|_| panic!("found {text:?}, expected a number"))
}

/// The number with commas between thousands.
fn with_commas(number: i64) -> String {
    let mut text = number.to_string();
    let mut place = text.len();
    while place > 3 {
        place -= 3;
        text.insert(place, ',');
    }
    text
}

/// The number that follows a phrase, wherever the text wraps.
fn number_after(file: &str, phrase: &str) -> i64 {
    let text = read(file);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = text
        .split_once(phrase)
        .unwrap_or_else(|| panic!("{file} does not say {phrase:?}"));
    number(rest.trim_start_matches(' '))
}

#[test]
fn readme_states_the_measured_cost() {
    let counts = Counts::from_page(&read(PAGE));
    let of = |variant, condition| with_commas(counts.at(variant, condition));
    let (few, all) = ("1 % sampled, 1 log line", "100 % sampled, 1 log line");
    let text = format!(
        "With one log line and 1 % of traces sampled, firstlight adds {} instructions to a request, with its access line and its\n\
         flight recorder. A stack assembled by hand, which has neither, adds {}, and oxtel {}. With all traces sampled, these are\n\
         {}, {} and {}.\n",
        of("firstlight", few),
        of("by-hand", few),
        of("oxtel", few),
        of("firstlight", all),
        of("by-hand", all),
        of("oxtel", all),
    );
    generated("README.md", "cost", &text);
}

#[test]
fn recorder_page_states_the_measured_cost() {
    let counts = Counts::from_page(&read(PAGE));
    let condition = "1 % sampled, 1 log line";
    let [bare, with, without] =
        ["bare", "firstlight", "firstlight-no-recorder"].map(|it| counts.at(it, condition));
    let text = format!(
        "The recorder adds about {} instructions and 2 allocations to a request with one log line and its access log line. At\n\
         1 % sampling, such a request takes {} instructions with the recorder and {} without it, of which a server\n\
         without telemetry takes {}.\n",
        with_commas(with - without),
        with_commas(bare + with),
        with_commas(bare + without),
        with_commas(bare),
    );
    generated("docs/book/src/recorder.md", "cost", &text);
}

#[test]
fn repeated_numbers_are_those_of_the_page() {
    for (file, phrase, phrase_of_page) in REPEATED {
        assert_eq!(
            number_after(file, phrase),
            number_after(PAGE, phrase_of_page),
            "{file}: {phrase:?} differs from {PAGE}: {phrase_of_page:?}"
        );
    }
}

#[test]
fn counts_are_read_from_a_table() {
    let page = "\n## In instructions\n\nText.\n\n| | 1 % sampled, 1 log line |\n| --- | ---: |\n\
                | bare | 16,600 |\n| **firstlight** | +1,034,200 (0.15) |\n\n| other |\n";
    let counts = Counts::from_page(page);
    let of = |variant| with_commas(counts.at(variant, "1 % sampled, 1 log line"));
    assert_eq!([of("bare"), of("firstlight")], ["16,600", "1,034,200"]);
    assert_eq!(counts.0.len(), 2);
}

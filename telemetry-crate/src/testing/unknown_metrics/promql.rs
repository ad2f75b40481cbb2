//! The selectors and functions in PromQL.
//!
//! A selector is the name of a metric with its matchers. The lexer knows as much of the language as the names need.
//! `xtask/observability` compares it with a full parser. A full parser cannot be used here: it rejects expressions with
//! Grafana's variables, and its generated tables would lengthen the build of each service's tests (decision 26).

mod token;

use std::collections::BTreeSet;

pub(super) use self::token::lone_bracket;
use self::token::{Matcher, Token, tokens};

/// Words that may precede a list of labels in parentheses.
const GROUPING: [&str; 9] = [
    "by",
    "fill",
    "fill_left",
    "fill_right",
    "group_left",
    "group_right",
    "ignoring",
    "on",
    "without",
];

/// Words of operators, which Prometheus does not accept as names.
const MODIFIERS: [&str; 5] = ["bool", "group_left", "group_right", "ignoring", "on"];

const SET_OPERATORS: [&str; 4] = ["and", "atan2", "or", "unless"];

/// Operators that are written like functions, in lines.
///
/// `xtask/observability` compares these lists with promtool.
const AGGREGATIONS: &str = include_str!("promql/aggregations.txt");

/// The functions of Prometheus 2 and 3, experimental ones included, in lines.
pub(super) const FUNCTIONS: &str = include_str!("promql/functions.txt");

/// Returns the names of the metrics that a PromQL expression reads.
///
/// A name is found as an identifier, as a quoted name (`{"name"}`), and in a matcher of `__name__` that lists names. The
/// expression may have Grafana's variables. A name that contains one is left out. The names in an expression that is not
/// valid PromQL are unspecified.
///
/// # Examples
///
/// ```
/// use firstlight::testing::metric_names;
///
/// let names = metric_names(r#"sum by (job) (rate(orders_total{job="$job"}[$__rate_interval])) / on (job) up"#);
/// assert!(names.iter().eq(["orders_total", "up"]));
/// ```
pub fn metric_names(expression: &str) -> BTreeSet<String> {
    let selectors = names(expression).selectors.into_iter();
    selectors.map(|selector| selector.name).collect()
}

/// A metric in an expression: `orders_rejected_total{reason="item"}`.
#[derive(Debug)]
pub(super) struct Selector<'a> {
    pub(super) name: String,
    pub(super) matchers: Vec<Matcher<'a>>,
}

/// The names in a PromQL expression.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// The metrics that it reads.
    pub(super) selectors: Vec<Selector<'a>>,
    /// What it calls, apart from aggregations.
    pub(super) functions: Vec<&'a str>,
}

/// Reads the names in a PromQL expression.
pub(super) fn names<'a>(expression: &'a str) -> Names<'a> {
    let tokens = tokens(expression);
    let (mut selectors, mut functions) = (Vec::new(), Vec::new());
    let mut push = |name: &str, matchers: &[Matcher<'a>]| {
        selectors.push(Selector {
            name: name.to_owned(),
            matchers: matchers.to_vec(),
        });
    };
    // Whether the last token ended an operand. A word that follows an operand is an operator or a modifier.
    let mut after_operand = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1);
        at += 1;
        match token {
            Token::Word(word) => {
                let lower = word.to_ascii_lowercase();
                let is_in = |words: &[&str]| words.contains(&lower.as_str());
                let is_aggregation = AGGREGATIONS.lines().any(|known| known == lower);
                if is_in(&GROUPING) && next == Some(&Token::Open) {
                    at = end_of_list(&tokens, at);
                } else if after_operand {
                    after_operand = !is_in(&SET_OPERATORS);
                } else if is_in(&["inf", "nan"]) {
                    after_operand = true;
                } else if is_in(&MODIFIERS) {
                    after_operand = false;
                } else if next == Some(&Token::Open) {
                    // Aggregations are keywords, in any case. The names of functions are in lower case.
                    if !is_aggregation && !is_in(&SET_OPERATORS) {
                        functions.push(*word);
                    }
                } else if !(is_aggregation && next.is_some_and(begins_grouping)) {
                    match next {
                        Some(Token::Matchers(matchers)) => push(word, matchers),
                        _ => push(word, &[]),
                    }
                    after_operand = true;
                }
            }
            Token::Matchers(matchers) => {
                for name in matchers.iter().flat_map(|matcher| matcher.names()) {
                    push(name, matchers);
                }
                after_operand = true;
            }
            Token::Operand | Token::Close => after_operand = true,
            Token::Open | Token::Operator => after_operand = false,
        }
    }
    Names {
        selectors,
        functions,
    }
}

fn begins_grouping(token: &Token<'_>) -> bool {
    let Token::Word(word) = token else {
        return false;
    };
    word.eq_ignore_ascii_case("by") || word.eq_ignore_ascii_case("without")
}

/// The index after the closing parenthesis of the list that begins at `at`.
fn end_of_list(tokens: &[Token<'_>], at: usize) -> usize {
    let list = tokens.iter().skip(at);
    let length = list.take_while(|token| **token != Token::Close).count();
    at + length + 1
}

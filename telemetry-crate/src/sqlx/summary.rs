//! What a statement does, in a few words: `SELECT orders`.
//!
//! [Database conventions](https://opentelemetry.io/docs/specs/semconv/db/database-spans/#generating-a-summary-of-the-query):
//! operations and the tables that they touch, in the order of the text, without anything that varies. It is a guess by
//! keywords and never an error; a statement that is none of the known ones is its first word.

use super::lexer::Token;

/// Tables that a summary names at most. A report over twenty tables is told apart by its text.
const TARGETS: usize = 4;

/// Bytes of a summary at most; the conventions say 255 characters.
const MAX: usize = 255;

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// In capitals; empty if the statement is.
    pub(super) operation: String,
    /// The table, if there is exactly one.
    pub(super) collection: Option<String>,
    pub(super) text: String,
}

/// Reads tokens and gathers the summary.
#[derive(Debug, Default)]
pub(super) struct Summarizer<'a> {
    parts: Vec<String>,
    operation: Option<String>,
    targets: Vec<String>,
    /// Of `WITH name AS (…)`: names that are no tables.
    ctes: Vec<&'a str>,
    has_with: bool,
    /// For each open parenthesis, whether a query is in it.
    queries: Vec<bool>,
    /// The keyword after which a table's name comes, and what of that name is there already.
    expects: Option<&'static str>,
    name: String,
    previous: Option<Token<'a>>,
    /// The last word that may be the name of a CTE.
    candidate: Option<&'a str>,
}

/// Whether the word is this keyword.
fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

fn one_of(word: &str, keywords: &[&'static str]) -> Option<&'static str> {
    keywords.iter().copied().find(|keyword| is(word, keyword))
}

impl<'a> Summarizer<'a> {
    pub(super) fn read(&mut self, token: Token<'a>) {
        match token {
            Token::Word(word) => self.word(word),
            Token::Quoted(name) => self.part_of_name(name.trim_matches(['"', '`'])),
            Token::Symbol('.') if !self.name.is_empty() => self.name.push('.'),
            Token::Symbol('(') => {
                // Behind `INTO`, it is a list of columns; behind `FROM`, the name was one of a function.
                if !matches!(self.expects, Some("INTO" | "TABLE")) {
                    self.name.clear();
                }
                self.end_of_name();
                self.queries.push(false);
            }
            Token::Symbol(')') => {
                self.end_of_name();
                self.queries.pop();
            }
            Token::Symbol(_) | Token::Literal | Token::Placeholder(_) => self.end_of_name(),
        }
        self.previous = Some(token);
    }

    fn word(&mut self, word: &'a str) {
        if self.expects.is_some() {
            if self.name.is_empty() {
                if one_of(word, &["ONLY", "IF", "NOT", "EXISTS", "LATERAL"]).is_some() {
                    return;
                }
                if !is(word, "SELECT") {
                    return self.part_of_name(word);
                }
            } else if self.name.ends_with('.') {
                return self.part_of_name(word);
            }
            self.end_of_name();
        }
        let starts = self.starts_statement();
        let is_first = self.parts.is_empty() && !self.has_with;
        if is_first && starts && one_of(word, &["WITH", "EXPLAIN"]).is_none() {
            return self.operate(word);
        }
        if is(word, "WITH") && self.parts.is_empty() {
            self.has_with = true;
        } else if is(word, "AS") {
            if self.has_with {
                self.ctes.extend(self.candidate);
            }
        } else if is(word, "SELECT") {
            self.operate("SELECT");
        } else if let Some(operation) = one_of(word, &["INSERT", "UPDATE", "DELETE", "MERGE"]) {
            if starts {
                self.operate(operation);
            }
        } else if let Some(keyword) = one_of(word, &["FROM", "JOIN", "USING"]) {
            let in_query = self.queries.last().copied().unwrap_or(true);
            let is_distinct =
                matches!(self.previous, Some(Token::Word(word)) if is(word, "DISTINCT"));
            if in_query && !is_distinct && (keyword != "USING" || self.deletes()) {
                self.expects = Some(keyword);
            }
        } else if let Some(keyword) = one_of(word, &["INTO", "TABLE"]) {
            self.expects = Some(keyword);
        }
        self.candidate = Some(word);
    }

    /// `USING` names a table in `DELETE` and `MERGE`, and columns in a join.
    fn deletes(&self) -> bool {
        self.operation
            .as_deref()
            .is_some_and(|operation| matches!(operation, "DELETE" | "MERGE"))
    }

    /// Whether a statement may begin here, as opposed to `FOR UPDATE` or `ON DELETE`.
    fn starts_statement(&self) -> bool {
        match self.previous {
            None | Some(Token::Symbol('(' | ')' | ';')) => true,
            Some(Token::Word(word)) => one_of(word, &["EXPLAIN", "ANALYZE", "VERBOSE"]).is_some(),
            Some(_) => false,
        }
    }

    fn operate(&mut self, word: &str) {
        let operation = word.to_ascii_uppercase();
        if let Some(is_query) = self.queries.last_mut() {
            *is_query = true;
        }
        // What a `WITH` prepares is not what the statement is for.
        if self.queries.is_empty() && self.operation.is_none() {
            self.operation = Some(operation.clone());
        }
        match &*operation {
            "UPDATE" => self.expects = Some("UPDATE"),
            "TRUNCATE" => self.expects = Some("TRUNCATE"),
            _ => {}
        }
        self.parts.push(operation);
        self.candidate = None;
    }

    fn part_of_name(&mut self, part: &'a str) {
        if self.expects == Some("TRUNCATE") && is(part, "TABLE") {
            return;
        }
        if self.expects.is_some() && (self.name.is_empty() || self.name.ends_with('.')) {
            if self.name.len() + part.len() <= MAX {
                self.name.push_str(part);
            }
        } else {
            self.end_of_name();
        }
        self.candidate = Some(part);
    }

    fn end_of_name(&mut self) {
        let name = std::mem::take(&mut self.name);
        if self.expects.take().is_none() || name.is_empty() {
            return;
        }
        let is_cte = self.ctes.iter().any(|cte| is(cte, &name));
        if !is_cte && !self.targets.contains(&name) {
            if self.targets.len() < TARGETS {
                self.parts.push(name.clone());
            }
            self.targets.push(name);
        }
    }

    pub(super) fn finish(mut self) -> Summary {
        self.end_of_name();
        let collection = match &*self.targets {
            [only] => Some(only.clone()),
            _ => None,
        };
        let mut text = self.parts.join(" ");
        let end = (0..=MAX.min(text.len())).rev();
        let end = end.into_iter().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        Summary {
            operation: (self.operation)
                .or_else(|| self.parts.into_iter().next())
                .unwrap_or_default(),
            collection,
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Summarizer, Summary};
    use crate::sqlx::lexer::Lexer;

    fn summary(sql: &str) -> Summary {
        let mut summarizer = Summarizer::default();
        Lexer::new(sql).for_each(|(_, token)| summarizer.read(token));
        summarizer.finish()
    }

    #[test]
    fn a_statement_is_its_operations_and_its_tables() {
        for (sql, expected) in [
            ("SELECT id FROM orders WHERE id = $1", "SELECT orders"),
            ("select 1", "SELECT"),
            (
                "  -- why\n select * from \"Order Items\"",
                "SELECT Order Items",
            ),
            ("SELECT * FROM shop.orders o", "SELECT shop.orders"),
            (
                "SELECT * FROM a JOIN b USING (id) LEFT JOIN c ON true",
                "SELECT a b c",
            ),
            (
                "SELECT EXTRACT(EPOCH FROM placed) FROM orders",
                "SELECT orders",
            ),
            ("SELECT a IS DISTINCT FROM b FROM t", "SELECT t"),
            ("SELECT * FROM generate_series(1, 10)", "SELECT"),
            (
                "SELECT * FROM (SELECT id FROM orders) x",
                "SELECT SELECT orders",
            ),
            (
                "INSERT INTO orders (id, note) VALUES (?, ?)",
                "INSERT orders",
            ),
            (
                "INSERT INTO orders(id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET n = 1",
                "INSERT orders",
            ),
            (
                "insert into old select * from orders",
                "INSERT old SELECT orders",
            ),
            ("UPDATE ONLY orders SET a = 1", "UPDATE orders"),
            ("DELETE FROM orders WHERE id = 1", "DELETE orders"),
            ("SELECT id FROM jobs FOR UPDATE SKIP LOCKED", "SELECT jobs"),
            (
                "WITH recent AS (SELECT * FROM orders) SELECT * FROM recent",
                "SELECT orders SELECT",
            ),
            (
                "WITH gone AS (DELETE FROM orders RETURNING id) SELECT id FROM gone",
                "DELETE orders SELECT",
            ),
            (
                "CREATE TABLE IF NOT EXISTS orders (id int)",
                "CREATE orders",
            ),
            ("TRUNCATE TABLE orders", "TRUNCATE orders"),
            ("BEGIN", "BEGIN"),
            ("PRAGMA journal_mode = WAL", "PRAGMA"),
            ("EXPLAIN SELECT * FROM orders", "SELECT orders"),
            ("", ""),
            ("'", ""),
            ("SELECT * FROM", "SELECT"),
            ("SELECT * FROM a.", "SELECT a."),
            ("SELECT * FROM bücher", "SELECT bücher"),
        ] {
            assert_eq!(summary(sql).text, expected, "{sql}");
        }
    }

    #[test]
    fn the_operation_is_the_one_that_a_with_is_for() {
        let with = summary("WITH x AS (SELECT 1 FROM orders) UPDATE items SET a = 1 FROM x");
        assert_eq!(with.operation, "UPDATE");
        assert_eq!(summary("select 1").operation, "SELECT");
        assert_eq!(summary("vacuum").operation, "VACUUM");
    }

    #[test]
    fn a_collection_is_named_if_it_is_the_only_one() {
        assert_eq!(
            summary("SELECT * FROM orders").collection.as_deref(),
            Some("orders")
        );
        assert_eq!(
            summary("SELECT * FROM a, b JOIN c ON true").collection,
            None
        );
    }

    #[test]
    fn a_summary_is_bounded_and_cut_at_a_character() {
        let long = summary(&format!(
            "SELECT * FROM {} JOIN {} ON true",
            "ü".repeat(80),
            "ä".repeat(80)
        ));
        assert!(long.text.len() <= 255);
        let many: String = (0..50).map(|n| format!(" JOIN t{n} ON true")).collect();
        assert_eq!(
            summary(&format!("SELECT * FROM t{many}")).text,
            "SELECT t t0 t1 t2"
        );
    }
}

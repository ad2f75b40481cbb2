//! Checks the names of the cases that the suites of `cargo xtask test` print.
//!
//! A name is the unit and the outcome, as in `outage: 503 while the server is down`. It may be longer than the name of a
//! test function, because the output shows it as a sentence, without a module that gives the context.

use std::fs;

use syn::{
    Expr, ExprCall, ExprMethodCall, FieldValue, Lit, LitStr, Local, Macro, Member, Pat,
    visit::{self, Visit},
};

use super::{lengths::rust_files, path};

/// Maximum number of characters in the name of a case.
const MAX_NAME: usize = 60;

/// Maximum number of characters in an outcome that stands in a table.
const MAX_OUTCOME: usize = 48;

/// Methods of `Cases` whose first argument is the name of a case.
const METHODS: [&str; 5] = ["cargo_test", "check", "command", "not_run", "unchecked"];

/// Variables that hold the name of a case.
const VARIABLES: [&str; 2] = ["name", "what"];

/// Collects the names of cases, and the faults of those names.
#[derive(Default)]
struct Names {
    found: usize,
    faults: Vec<(usize, String)>,
}

impl Names {
    fn add(&mut self, name: Option<(usize, String)>, most: usize, has_unit: bool) {
        let Some((line, text)) = name else { return };
        self.found += 1;
        let length = text.chars().count();
        // Without a space, it is only the place for a name that is checked elsewhere.
        if has_unit && text.contains(' ') && !text.contains(": ") {
            self.faults
                .push((line, format!("no unit and `: ` in {text:?}")));
        }
        if length > most {
            let fault = format!("{length} characters, {most} at most: {text:?}");
            self.faults.push((line, fault));
        }
    }
}

/// Returns a string literal or the format string of `format!`, with its line.
fn literal(expression: &Expr) -> Option<(usize, String)> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(with_line(text)),
            _ => None,
        },
        Expr::Reference(reference) => literal(&reference.expr),
        Expr::Macro(call) if call.mac.path.is_ident("format") => format_string(&call.mac),
        _ => None,
    }
}

fn format_string(call: &Macro) -> Option<(usize, String)> {
    let first = call.tokens.clone().into_iter().next()?;
    let text: LitStr = syn::parse2(first.into()).ok()?;
    Some(with_line(&text))
}

fn with_line(text: &LitStr) -> (usize, String) {
    (text.span().start().line, text.value())
}

impl<'ast> Visit<'ast> for Names {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if METHODS.iter().any(|method| call.method == method) && call.args.len() > 1 {
            let has_unit = call.method == "check";
            self.add(literal(&call.args[0]), MAX_NAME, has_unit);
        }
        visit::visit_expr_method_call(self, call);
    }

    /// A function that runs a case has `cases` and the name as its first arguments.
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let (Some(Expr::Path(cases)), Some(name)) = (call.args.get(0), call.args.get(1))
            && cases.path.is_ident("cases")
        {
            self.add(literal(name), MAX_NAME, true);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if let (Pat::Ident(variable), Some(value)) = (&local.pat, &local.init)
            && VARIABLES.iter().any(|name| variable.ident == name)
        {
            self.add(literal(&value.expr), MAX_NAME, false);
        }
        visit::visit_local(self, local);
    }

    /// A table of outcomes, such as the lints, has a unit of its own before each.
    fn visit_field_value(&mut self, field: &'ast FieldValue) {
        if matches!(&field.member, Member::Named(member) if member == "name") {
            self.add(literal(&field.expr), MAX_OUTCOME, false);
        }
        visit::visit_field_value(self, field);
    }
}

fn names(source: &str) -> Names {
    let mut names = Names::default();
    names.visit_file(&syn::parse_file(source).unwrap());
    names
}

#[test]
fn names_of_cases_are_short_and_have_units() {
    let (mut found, mut faults) = (0, Vec::new());
    for folder in ["xtask/src", "xtask/e2e/src", "xtask/observability/src"] {
        for file in rust_files(path(folder)) {
            let names = names(&fs::read_to_string(&file).unwrap());
            found += names.found;
            let shown = names.faults.iter();
            faults.extend(shown.map(|(line, fault)| format!("{}:{line}: {fault}", file.display())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(found > 100, "found only {found} names");
}

#[test]
fn faults_of_names_are_found() {
    let long = "unit: ".to_owned() + &"x".repeat(MAX_NAME);
    let faults = |statement: &str| names(&format!("fn f() {{\n{statement}\n}}")).faults;
    for statement in [
        format!("cases.check({long:?}, case);"),
        format!("cases.check(&format!({long:?}, a), case);"),
        format!("cases.not_run({long:?}, \"reason\");"),
        format!("let name = {long:?};"),
        format!("let what = format!({long:?});"),
        format!("on_disk(cases, {long:?}, disk);"),
        format!("let lint = Lint {{ name: {long:?}, run }};"),
        "cases.check(\"every sentence passes\", case);".to_owned(),
    ] {
        assert_eq!(faults(&statement).len(), 1, "{statement}");
        assert_eq!(faults(&statement)[0].0, 2);
    }
    for statement in [
        "cases.check(\"unit: outcome\", case);",
        "cases.check(&format!(\"{what}{with}\"), case);",
        "story.check(id, trace);",
        "cases.failed(\"set-up of the suite\", &error);",
    ] {
        assert_eq!(faults(statement), [], "{statement}");
    }
}

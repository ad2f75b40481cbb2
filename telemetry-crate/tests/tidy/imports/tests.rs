//! A wrong import is found in every form in which Rust can write it.

use std::path::Path;

use super::{Import, imports};
use crate::module_tree::{Module, Root, modules};

const ROOT: &str = "
    extern crate self as own;
    mod secret;
    mod logs;
    #[cfg(feature = \"metrics\")]
    pub mod metrics;
    pub use self::secret::Secret as Hidden;
    pub use metrics::{self as numbers, count, inner::{Deep, Other as Renamed}};
    pub use crate::numbers::Twice;
    mod defined { pub fn not_a_file() {} }
    fn of_the_root() {}
";

/// Reads a crate whose module `logs` has this text.
fn read(logs: &str) -> (Vec<Module>, Root) {
    let modules = modules(|file: &Path| {
        let text = match file.to_str().unwrap() {
            "lib.rs" => ROOT,
            "logs.rs" => logs,
            "metrics.rs" => "#[macro_export]\nmacro_rules! exported { () => {} }",
            "secret.rs" | "logs/json.rs" => "use super::super::metrics as m;",
            _ => return None,
        };
        Some(text.to_owned())
    });
    let root = Root::new(&modules);
    (modules, root)
}

/// Returns what the module `logs` imports, apart from itself.
fn found(logs: &str) -> Vec<Import> {
    let (modules, root) = read(logs);
    let module = modules.iter().find(|it| it.path == ["logs"]).unwrap();
    let mut found = imports(module, &root);
    found.retain(|import| import.module.as_deref() != Ok("logs"));
    found
}

#[track_caller]
fn finds(logs: &str, expected: &[(usize, &str)]) {
    let found = found(logs);
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.line, it.module.as_deref().unwrap_or("?")))
        .collect();
    assert_eq!(found, expected, "{logs}");
}

#[test]
fn uses_are_found() {
    for text in [
        "use crate::metrics;",
        "use super::metrics::Handle;",
        "use super::metrics::*;",
        "use crate::metrics as m;",
        "use crate::metrics::{self};",
        "use crate::{metrics::inner::Deep as D};",
        "use self::super::metrics;",
        "use own::metrics;",
        "use ::own::metrics;",
        "mod inner { use super::super::metrics; }",
        "fn f() { use crate::metrics; }",
        "pub(crate) use crate::metrics::Handle;",
    ] {
        finds(&format!("\n{text}"), &[(2, "metrics")]);
    }
    finds(
        "use crate::{\n    metrics,\n    secret::Secret,\n};",
        &[(2, "metrics"), (3, "secret")],
    );
}

#[test]
fn paths_are_found() {
    for text in [
        "fn f() { crate::metrics::count(); }",
        "const C: usize = super::metrics::C;",
        "static S: crate::metrics::S = S;",
        "struct S { field: Option<crate::metrics::S> }",
        "enum E { A(crate::metrics::S) }",
        "type T = <u8 as crate::metrics::Kind>::T;",
        "trait T: crate::metrics::Kind {}",
        "impl crate::metrics::Kind for u8 {}",
        "fn f(x: impl Fn(&own::metrics::S)) {}",
        "#[crate::metrics::attribute] fn f() {}",
        "#[instrument(fields(a = crate::metrics::a()))] fn f() {}",
    ] {
        finds(&format!("\n{text}"), &[(2, "metrics")]);
    }
}

#[test]
fn macros_are_found() {
    for text in [
        "fn f() { crate::metrics::count!(1); }",
        "crate::metrics::declare! {}",
        "fn f() { crate::exported!(); }",
        "fn f() { vec![a, [super::metrics::A]]; }",
        "macro_rules! m { () => { $crate::metrics::count() } }",
        "macro_rules! m { ($x:ident) => { use $crate::metrics::$x; } }",
        "macro_rules! m { () => { use crate::{metrics::Handle as H}; } }",
        "macro_rules! m { () => { mod inner { use super::super::metrics; } } }",
        "m! { own::metrics::<u8>() }",
        "m! { field: crate::metrics::A }",
    ] {
        finds(&format!("\n{text}"), &[(2, "metrics")]);
    }
    finds(
        "m! {\n    use crate::{\n        metrics::{A, b::*},\n        secret as s,\n    };\n}",
        &[(3, "metrics"), (3, "metrics"), (4, "secret")],
    );
    finds("m! { crate, self, super, name: ::crate_of::x }", &[]);
}

#[test]
fn re_exports_lead_to_their_modules() {
    for (name, module) in [
        ("Hidden", "secret"),
        ("numbers", "metrics"),
        ("numbers::count", "metrics"),
        ("count", "metrics"),
        ("Deep", "metrics"),
        ("Renamed", "metrics"),
        ("Twice", "metrics"),
        ("exported", "metrics"),
        ("defined::not_a_file", "defined"),
    ] {
        finds(&format!("use crate::{name};"), &[(1, module)]);
    }
}

#[test]
fn hidden_imports_are_reported() {
    for text in [
        "use crate::*;",
        "use super::*;",
        "use crate as root;",
        "use crate::{self as root};",
        "use own::{*};",
        "m! { use crate::*; }",
        "m! { use crate::{*}; }",
        "macro_rules! m { ($x:ident) => { $crate::$x::f() } }",
        "macro_rules! m { ($x:ident) => { use $crate::{$x}; } }",
        "fn f() { crate::of_the_root(); }",
        "use crate::Secret;",
    ] {
        finds(&format!("\n\n{text}"), &[(3, "?")]);
    }
}

#[test]
fn code_under_a_feature_is_not_for_tests() {
    let code = "\n#[cfg(any(test, feature = \"x\"))]\n";
    for item in [
        "use crate::metrics;",
        "const C: u8 = crate::metrics::C;",
        "mod inner { use crate::metrics; }",
        "impl crate::metrics::Kind for u8 {}",
    ] {
        finds(&format!("{code}{item}"), &[(3, "metrics")]);
    }
}

#[test]
fn imports_of_tests_are_left_out() {
    for text in [
        "@ use crate::metrics;",
        "@ mod tests { use crate::metrics; }",
        "@ mod tests;",
        "@ fn f() { crate::metrics::count(); }",
        "@ const C: u8 = crate::metrics::C;",
        "@ static S: u8 = crate::metrics::S;",
        "@ struct S(crate::metrics::S);",
        "@ trait T: crate::metrics::T {}",
        "@ type T = crate::metrics::T;",
        "@ crate::metrics::declare!();",
        "@ impl crate::metrics::T for u8 {}",
        "impl S { @ fn f() { crate::metrics::count(); } }",
        "enum E { @ A(crate::metrics::S) }",
        "struct S { @ field: crate::metrics::S }",
        "fn f() { @ let a = crate::metrics::A; }",
        "fn f() { @ crate::metrics::count(); }",
        "fn f() { @ crate::metrics::count!(); }",
        "fn f() { match 1 { @ 1 => crate::metrics::count(), _ => {} } }",
        "pub(in crate::logs) fn f() {}",
        "/// See [`crate::metrics`].\nfn f() {}",
        "use metrics::count;",
    ] {
        finds(&text.replace('@', "#[cfg(all(test, unix))]"), &[]);
    }
}

#[test]
fn modules_are_found_by_declarations() {
    let (modules, root) = read("mod json; mod inner { fn f() {} }");
    let mut files: Vec<_> = modules.iter().map(|it| it.file.to_str().unwrap()).collect();
    files.sort_unstable();
    let expected = [
        "lib.rs",
        "logs.rs",
        "logs/json.rs",
        "metrics.rs",
        "secret.rs",
    ];
    assert_eq!(files, expected);
    let json = modules.iter().find(|it| it.path == ["logs", "json"]);
    let found = imports(json.unwrap(), &root);
    assert_eq!(found[0].module.as_deref(), Ok("metrics"));
}

//! Checks the imports between modules against the layers of the architecture page.
//!
//! A module may import modules of the layers below, and the modules to its left in its own layer.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    imports::imports,
    module_tree::{Module, Root, modules},
    path, read,
};

const SOURCE: &str = "telemetry-crate/src";
const PAGE: &str = "docs/book/src/contributing/architecture.md";

/// The layer whose modules must not import each other.
const APART: &str = "signals";

/// The modules in the order of the page, each with its layer.
struct Layers(Vec<(String, String)>);

impl Layers {
    fn read() -> Self {
        let page = read(PAGE);
        let start = page.find("```layers\n").expect("a block `layers`") + "```layers\n".len();
        let end = start + page[start..].find("```").unwrap();
        Self::parse(&page[start..end])
    }

    fn parse(block: &str) -> Self {
        let layers = block.lines().flat_map(|line| {
            let mut words = line.split_whitespace();
            let layer = words.next().unwrap_or_default().to_owned();
            words.map(move |module| (module.to_owned(), layer.clone()))
        });
        Self(layers.collect())
    }

    fn position(&self, module: &str) -> Option<usize> {
        self.0.iter().position(|(name, _)| name == module)
    }

    /// Returns the reason why `importer` must not import `imported`.
    fn refusal(&self, importer: &str, imported: &str) -> Option<String> {
        let (Some(at), Some(imported_at)) = (self.position(importer), self.position(imported))
        else {
            return Some(format!("the page lists no module {importer} or {imported}"));
        };
        let (layer, other) = (&self.0[at].1, &self.0[imported_at].1);
        if imported_at > at {
            return Some(format!(
                "{imported} ({other}) stands above {importer} ({layer})"
            ));
        }
        let are_apart = layer == APART && other == APART;
        are_apart.then(|| format!("{importer} and {imported} are both of the layer {APART}"))
    }

    /// Returns a message for each import that the layers do not allow.
    fn refused(&self, modules: &[Module]) -> Vec<String> {
        let root = Root::new(modules);
        let mut refused = Vec::new();
        for module in modules {
            // `lib.rs` sees every module.
            let Some(importer) = module.path.first() else {
                continue;
            };
            for import in imports(module, &root) {
                let reason = match import.module {
                    Ok(imported) if imported == *importer => continue,
                    Ok(imported) => self
                        .refusal(importer, &imported)
                        .map(|reason| format!("{SOURCE}/{imported}.rs: {reason}")),
                    Err(reason) => Some(reason),
                };
                if let Some(reason) = reason {
                    let (file, line) = (module.file.display(), import.line);
                    refused.push(format!("{SOURCE}/{file}:{line} imports {reason}"));
                }
            }
        }
        refused.sort();
        refused.dedup();
        refused
    }
}

fn library() -> Vec<Module> {
    modules(|file: &Path| fs::read_to_string(path(SOURCE).join(file)).ok())
}

#[test]
fn no_module_imports_upwards() {
    let refused = Layers::read().refused(&library());
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn the_page_lists_every_module() {
    let (layers, root) = (Layers::read(), Root::new(&library()));
    let modules: BTreeSet<&String> = root.modules.values().collect();
    let listed: BTreeSet<&String> = layers.0.iter().map(|(module, _)| module).collect();
    let different: Vec<_> = modules.symmetric_difference(&listed).collect();
    assert!(
        different.is_empty(),
        "found {different:?} in only one of lib.rs and {PAGE}"
    );
}

#[test]
fn the_map_names_every_module() {
    let map = read("docs/book/src/contributing/map.md");
    for (module, _) in Layers::read().0 {
        assert!(
            map.contains(&format!("`{module}`")),
            "contributing/map.md does not name {module}"
        );
    }
}

#[test]
fn a_refused_import_names_files_and_line() {
    let layers = Layers::parse(
        "leaves error\nsignals metrics logs\nwork http\nwiring init\ntesting testing",
    );
    let files = [
        (
            "lib.rs",
            "mod error; mod metrics; mod logs; mod http; mod init;",
        ),
        ("error.rs", ""),
        ("metrics.rs", "use crate::error;"),
        ("logs.rs", "mod json;\nuse super::metrics;"),
        ("logs/json.rs", "\n\nuse crate::{error, init};"),
        ("http.rs", "use crate::*;\nuse crate::absent;"),
        ("init.rs", "use crate::{http, logs};"),
    ];
    let modules = modules(|file| {
        let text = files.iter().find(|(name, _)| Path::new(name) == file);
        text.map(|(_, text)| (*text).to_owned())
    });
    let expected = [
        "http.rs:1 imports the root under another name or with `*`, so its modules are hidden",
        "http.rs:2 imports `crate::absent`, which is neither a module nor re-exported from one by its name",
        "logs.rs:2 imports telemetry-crate/src/metrics.rs: logs and metrics are both of the layer signals",
        "logs/json.rs:3 imports telemetry-crate/src/init.rs: init (wiring) stands above logs (signals)",
    ];
    assert_eq!(
        layers.refused(&modules),
        expected.map(|it| format!("{SOURCE}/{it}"))
    );
}

//! Checks the imports between modules against the layers of the architecture page.
//!
//! A module may import modules of the layers below, and the modules to its left in its own layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Attribute, File, Item, ItemMod, ItemUse, Macro, Path as ImportPath, UseTree,
    visit::{self, Visit},
};

use super::{path, read};

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
        let layers = page[start..end].lines().flat_map(|line| {
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
}

/// A path in a file, and the top-level module to which the path leads.
#[derive(Debug)]
struct Import {
    file: PathBuf,
    line: usize,
    module: String,
}

/// Collects the top-level modules that a file names.
struct Imports<'a> {
    file: &'a Path,
    /// The module of the file, from the crate's root.
    module: Vec<String>,
    /// The top-level module of each name in the crate's root.
    names: &'a BTreeMap<String, String>,
    found: Vec<Import>,
}

impl Imports<'_> {
    fn add(&mut self, path: &[String], line: usize) {
        let mut place = self.module.clone();
        let mut words = path.iter().map(String::as_str).peekable();
        match words.next() {
            Some("crate") => place.clear(),
            Some("self") => {}
            Some("super") => {
                place.pop();
            }
            _ => return,
        }
        while words.next_if_eq(&"super").is_some() {
            place.pop();
        }
        place.extend(words.map(str::to_owned));
        if let Some(module) = place.first().and_then(|name| self.names.get(name)) {
            self.found.push(Import {
                file: self.file.to_owned(),
                line,
                module: module.clone(),
            });
        }
    }

    fn add_tree(&mut self, before: &mut Vec<Ident>, tree: &UseTree) {
        let name = match tree {
            UseTree::Path(path) => {
                before.push(path.ident.clone());
                self.add_tree(before, &path.tree);
                before.pop();
                return;
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(before, tree);
                }
                return;
            }
            UseTree::Name(name) => Some(&name.ident),
            UseTree::Rename(rename) => Some(&rename.ident),
            UseTree::Glob(_) => None,
        };
        let mut path: Vec<String> = before.iter().chain(name).map(Ident::to_string).collect();
        // `a::{self}` is `a`.
        if path.len() > 1 && path.last().is_some_and(|word| word == "self") {
            path.pop();
        }
        if let Some(last) = name.or(before.last()) {
            self.add(&path, last.span().start().line);
        }
    }

    /// Adds paths in the arguments and bodies of macros, which are not parsed.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Ident(first) if is_colon(at + 1) && is_colon(at + 2) => {
                    let mut path = vec![first.to_string()];
                    let mut next = at + 3;
                    while let Some(TokenTree::Ident(word)) = tokens.get(next) {
                        path.push(word.to_string());
                        if !(is_colon(next + 1) && is_colon(next + 2)) {
                            break;
                        }
                        next += 3;
                    }
                    self.add(&path, first.span().start().line);
                }
                _ => {}
            }
        }
    }
}

/// Returns whether the item exists only in tests or in doc tests.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = match &attribute.meta {
            syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
            _ => String::new(),
        };
        text == "test" || text.contains("(test") || text == "doctest"
    })
}

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast ImportPath) {
        let words: Vec<String> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        if let Some(first) = path.segments.first() {
            self.add(&words, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.add_tokens(item.tokens.clone());
    }
}

fn parse(file: &Path) -> File {
    let text = fs::read_to_string(file).unwrap();
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Finds the source files, without tests, and the module of each.
fn files(folder: &Path, module: &[String], found: &mut Vec<(PathBuf, Vec<String>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().path();
        let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" {
            continue;
        }
        let mut module = module.to_vec();
        if name != "lib" {
            module.push(name);
        }
        if entry.is_dir() {
            files(&entry, &module, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push((entry, module));
        }
    }
}

/// Returns the top-level module of each name in the crate's root.
///
/// The re-export `Secret` is from `secret`, for example.
fn names(root: &File) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for item in &root.items {
        match item {
            Item::Mod(item) => {
                names.insert(item.ident.to_string(), item.ident.to_string());
            }
            Item::Use(item) => re_exports(&mut Vec::new(), &item.tree, &mut names),
            _ => {}
        }
    }
    names
}

fn re_exports(before: &mut Vec<String>, tree: &UseTree, names: &mut BTreeMap<String, String>) {
    let name = match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            re_exports(before, &path.tree, names);
            before.pop();
            return;
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                re_exports(before, tree, names);
            }
            return;
        }
        UseTree::Name(name) => &name.ident,
        UseTree::Rename(rename) => &rename.rename,
        UseTree::Glob(_) => return,
    };
    if let [root, module, ..] = before.as_slice()
        && root == "crate"
    {
        names.insert(name.to_string(), module.clone());
    }
}

#[test]
fn no_module_imports_upwards() {
    let layers = Layers::read();
    let source = path(SOURCE);
    let names = names(&parse(&source.join("lib.rs")));
    let modules: BTreeSet<&String> = names.values().collect();
    let listed: BTreeSet<&String> = layers.0.iter().map(|(module, _)| module).collect();
    let different: Vec<_> = modules.symmetric_difference(&listed).collect();
    assert!(
        different.is_empty(),
        "found {different:?} in only one of lib.rs and {PAGE}"
    );

    let mut found = Vec::new();
    files(&source, &[], &mut found);
    let mut refused = Vec::new();
    for (file, module) in &found {
        let Some(importer) = module.first() else {
            continue;
        };
        let mut imports = Imports {
            file,
            module: module.clone(),
            names: &names,
            found: Vec::new(),
        };
        imports.visit_file(&parse(file));
        for import in imports.found.iter().filter(|it| it.module != *importer) {
            if let Some(reason) = layers.refusal(importer, &import.module) {
                let shown = import.file.strip_prefix(&source).unwrap().display();
                let (line, other) = (import.line, &import.module);
                refused.push(format!(
                    "{SOURCE}/{shown}:{line} imports {SOURCE}/{other}.rs: {reason}"
                ));
            }
        }
    }
    refused.sort();
    refused.dedup();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
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

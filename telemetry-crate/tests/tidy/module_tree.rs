//! Finds the modules of a crate, and the meaning of the names in its root.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{Attribute, File, Item, UseTree};

use super::cfg::is_for_tests;

/// A file of a crate, and the path of its module from the crate's root.
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) path: Vec<String>,
    pub(super) syntax: File,
}

/// Follows the declarations of modules from `lib.rs`, except for those of tests.
///
/// `read` returns the text of a file if the file exists.
pub(super) fn modules(read: impl Fn(&Path) -> Option<String>) -> Vec<Module> {
    let mut found = Vec::new();
    let mut waiting = vec![(PathBuf::from("lib.rs"), PathBuf::new(), Vec::new())];
    while let Some((file, folder, path)) = waiting.pop() {
        let text = read(&file).unwrap_or_else(|| panic!("{} does not exist", file.display()));
        let syntax =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if is_for_tests(&syntax.attrs) {
            continue;
        }
        let mut declared = Vec::new();
        declarations(&syntax.items, &folder, &path, &mut declared);
        for (folder, path) in declared {
            let file = [folder.with_extension("rs"), folder.join("mod.rs")]
                .into_iter()
                .find(|file| read(file).is_some())
                .unwrap_or_else(|| panic!("{} has no file", path.join("::")));
            waiting.push((file, folder, path));
        }
        found.push(Module { file, path, syntax });
    }
    found
}

/// Adds the folder and the path of each module that is declared without a body.
fn declarations(
    items: &[Item],
    folder: &Path,
    path: &[String],
    found: &mut Vec<(PathBuf, Vec<String>)>,
) {
    for item in items {
        let Item::Mod(item) = item else { continue };
        if is_for_tests(&item.attrs) {
            continue;
        }
        let name = item.ident.to_string();
        assert!(
            !has(&item.attrs, "path"),
            "#[path] of {name} hides its file from this test"
        );
        let inner = (folder.join(&name), [path, &[name]].concat());
        match &item.content {
            Some((_, items)) => declarations(items, &inner.0, &inner.1, found),
            None => found.push(inner),
        }
    }
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|it| it.path().is_ident(name))
}

/// The names that code of a crate can use for what is in the crate's root.
#[derive(Debug, Default)]
pub(super) struct Root {
    /// The top-level module of each name.
    ///
    /// The re-export `Secret` is from `secret`, for example.
    pub(super) modules: BTreeMap<String, String>,
    /// The names of the crate itself: `crate`, and those of `extern crate self as …`.
    pub(super) names: BTreeSet<String>,
}

impl Root {
    pub(super) fn new(modules: &[Module]) -> Self {
        let mut root = Self::default();
        root.names.insert("crate".to_owned());
        let mut exports = Vec::new();
        for module in modules {
            let top = module.path.first();
            for item in &module.syntax.items {
                match item {
                    Item::ExternCrate(item) if item.ident == "self" => {
                        let alias = item.rename.as_ref().expect("rustc demands a name");
                        root.names.insert(alias.1.to_string());
                    }
                    Item::Macro(item) if has(&item.attrs, "macro_export") => {
                        if let (Some(name), Some(top)) = (&item.ident, top) {
                            root.modules.insert(name.to_string(), top.clone());
                        }
                    }
                    Item::Mod(item) if top.is_none() && !is_for_tests(&item.attrs) => {
                        let name = item.ident.to_string();
                        root.modules.insert(name.clone(), name);
                    }
                    Item::Use(item) if top.is_none() => {
                        re_exports(&mut Vec::new(), &item.tree, &mut exports);
                    }
                    _ => {}
                }
            }
        }
        // A re-export can be one of another re-export, in any order.
        for _ in 0..exports.len() {
            for (name, path) in &exports {
                root.add_export(name, path);
            }
        }
        root
    }

    fn add_export(&mut self, name: &str, path: &[String]) {
        let is_root = |word: &&String| *word == "self" || self.names.contains(*word);
        let mut words = path.iter().skip_while(is_root);
        if let Some(module) = words
            .next()
            .and_then(|first| self.modules.get(first))
            .cloned()
        {
            self.modules.entry(name.to_owned()).or_insert(module);
        }
    }
}

/// Adds each name that a `use` in the crate's root defines, with its path.
fn re_exports(before: &mut Vec<String>, tree: &UseTree, found: &mut Vec<(String, Vec<String>)>) {
    let (name, ident) = match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            re_exports(before, &path.tree, found);
            before.pop();
            return;
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                re_exports(before, tree, found);
            }
            return;
        }
        UseTree::Name(name) => (&name.ident, &name.ident),
        UseTree::Rename(rename) => (&rename.rename, &rename.ident),
        // What a glob adds has no name here. A path to it is reported, because it leads to no known name.
        UseTree::Glob(_) => return,
    };
    let mut path = before.clone();
    if ident != "self" {
        path.push(ident.to_string());
    }
    let name = if name == "self" {
        path.last().cloned()
    } else {
        Some(name.to_string())
    };
    found.extend(name.map(|name| (name, path)));
}

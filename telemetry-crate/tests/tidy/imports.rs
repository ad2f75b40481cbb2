//! Finds the imports of a file, in every form in which Rust can write a path.

#[cfg(test)]
mod tests;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::{
    Arm, ExprBlock, ExprCall, ExprMethodCall, Field, FieldPat, FieldValue, ImplItemConst,
    ImplItemFn, ImplItemMacro, ImplItemType, ItemConst, ItemEnum, ItemExternCrate, ItemFn,
    ItemForeignMod, ItemImpl, ItemMacro, ItemMod, ItemStatic, ItemStruct, ItemTrait, ItemType,
    ItemUnion, ItemUse, Local, Path, StmtMacro, TraitItemConst, TraitItemFn, TraitItemMacro,
    TraitItemType, UseTree, Variant, VisRestricted,
    visit::{self, Visit},
};

use super::{
    cfg::is_for_tests,
    module_tree::{Module, Root},
};

/// A path in a file that leads out of the file's module.
#[derive(Debug, PartialEq)]
pub(super) struct Import {
    pub(super) line: usize,
    /// The top-level module to which the path leads, or why it is unknown.
    pub(super) module: Result<String, String>,
}

/// Returns what a file imports, except in tests.
pub(super) fn imports(module: &Module, root: &Root) -> Vec<Import> {
    let mut imports = Imports {
        root,
        module: module.path.clone(),
        found: Vec::new(),
    };
    imports.visit_file(&module.syntax);
    imports.found
}

struct Imports<'a> {
    root: &'a Root,
    /// The module of the code that is visited, from the crate's root.
    module: Vec<String>,
    found: Vec<Import>,
}

impl Imports<'_> {
    fn add(&mut self, path: &[String], line: usize) {
        let mut place = self.module.clone();
        let mut words = path.iter().map(String::as_str).peekable();
        match words.next() {
            Some("self") => {}
            Some("super") => drop(place.pop()),
            Some(first) if self.root.names.contains(first) => place.clear(),
            _ => return,
        }
        while words.next_if_eq(&"super").is_some() {
            place.pop();
        }
        // `a::{self}` is `a`.
        place.extend(words.filter(|word| *word != "self").map(str::to_owned));
        let module = match place.first() {
            None => Err("the root under another name or with `*`, so its modules are hidden".to_owned()),
            Some(name) => self.root.modules.get(name).cloned().ok_or_else(|| {
                format!("`crate::{name}`, which is neither a module nor re-exported from one by its name")
            }),
        };
        self.found.push(Import { line, module });
    }

    fn add_tree(&mut self, before: &mut Vec<String>, tree: &UseTree) {
        let last = match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
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
        let line = match (tree, last) {
            (UseTree::Glob(glob), _) => glob.star_token.span.start().line,
            (_, last) => last.map_or(0, |last| last.span().start().line),
        };
        let mut path = before.clone();
        path.extend(last.map(ToString::to_string));
        self.add(&path, line);
    }

    /// Adds paths in the arguments and bodies of macros, which are not parsed.
    fn add_tokens(&mut self, tokens: &TokenStream) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match (token, tokens.get(at + 1), tokens.get(at + 2)) {
                (
                    TokenTree::Ident(word),
                    Some(TokenTree::Ident(name)),
                    Some(TokenTree::Group(body)),
                ) if word == "mod" => {
                    self.module.push(name.to_string());
                    self.add_tokens(&body.stream());
                    self.module.pop();
                    at + 3
                }
                (TokenTree::Ident(_), ..) => self.add_token_path(&[], &tokens, at),
                (TokenTree::Group(group), ..) => {
                    self.add_tokens(&group.stream());
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// Adds the path that starts at a token, and returns the index after it.
    ///
    /// `before` is the path outside the braces, as in `crate::{a, b}`.
    fn add_token_path(&mut self, before: &[String], tokens: &[TokenTree], start: usize) -> usize {
        let is_colon = |at: usize, spacing: Option<Spacing>| {
            matches!(tokens.get(at), Some(TokenTree::Punct(punct))
                if punct.as_char() == ':' && spacing.is_none_or(|it| it == punct.spacing()))
        };
        let line = tokens[start].span().start().line;
        let mut path = before.to_vec();
        let mut at = start;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => path.push(word.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let is_comma = |it: &TokenTree| matches!(it, TokenTree::Punct(punct) if punct.as_char() == ',');
                    for tree in inner.split(is_comma).filter(|tree| !tree.is_empty()) {
                        self.add_token_path(&path, tree, 0);
                    }
                    return at + 1;
                }
                // `*`, a variable of a macro, or generic arguments.
                _ => {
                    self.add(&path, line);
                    return at.max(start + 1);
                }
            }
            if !(is_colon(at + 1, Some(Spacing::Joint)) && is_colon(at + 2, None)) {
                // A word alone, such as a variable, is no path.
                if path.len() > 1 {
                    self.add(&path, line);
                }
                return at + 1;
            }
            at += 3;
        }
    }
}

/// Visits a node unless it is for tests.
macro_rules! outside_tests {
    ($($visit:ident: $node:ident),* $(,)?) => {$(
        fn $visit(&mut self, node: &'ast $node) {
            if !is_for_tests(&node.attrs) {
                visit::$visit(self, node);
            }
        }
    )*};
}

impl<'ast> Visit<'ast> for Imports<'_> {
    outside_tests! {
        visit_arm: Arm,
        visit_expr_block: ExprBlock,
        visit_expr_call: ExprCall,
        visit_expr_method_call: ExprMethodCall,
        visit_field: Field,
        visit_field_pat: FieldPat,
        visit_field_value: FieldValue,
        visit_impl_item_const: ImplItemConst,
        visit_impl_item_fn: ImplItemFn,
        visit_impl_item_macro: ImplItemMacro,
        visit_impl_item_type: ImplItemType,
        visit_item_const: ItemConst,
        visit_item_enum: ItemEnum,
        visit_item_extern_crate: ItemExternCrate,
        visit_item_fn: ItemFn,
        visit_item_foreign_mod: ItemForeignMod,
        visit_item_impl: ItemImpl,
        visit_item_macro: ItemMacro,
        visit_item_static: ItemStatic,
        visit_item_struct: ItemStruct,
        visit_item_trait: ItemTrait,
        visit_item_type: ItemType,
        visit_item_union: ItemUnion,
        visit_local: Local,
        visit_stmt_macro: StmtMacro,
        visit_trait_item_const: TraitItemConst,
        visit_trait_item_fn: TraitItemFn,
        visit_trait_item_macro: TraitItemMacro,
        visit_trait_item_type: TraitItemType,
        visit_variant: Variant,
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_some() && !is_for_tests(&item.attrs) {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.add_tree(&mut Vec::new(), &item.tree);
        }
    }

    /// Visits nothing.
    ///
    /// Paths in `pub(in …)` lead to modules around this one.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_path(&mut self, path: &'ast Path) {
        let words = path.segments.iter().map(|it| it.ident.to_string());
        let words: Vec<String> = words.collect();
        if let Some(first) = path.segments.first() {
            self.add(&words, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    /// Visits the tokens of macros, attributes and unknown syntax.
    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.add_tokens(tokens);
    }
}

//! Evaluates `#[cfg(…)]` of items outside tests.

use syn::{
    Attribute, Lit, Token, ext::IdentExt, parenthesized, parse::ParseStream,
    punctuated::Punctuated, token::Paren,
};

/// Returns whether an item exists only in tests, in doc tests or for a fuzzer.
///
/// A feature may be on or off, so an item that a feature can add outside tests is not for tests.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    let mut conditions = attributes.iter().filter(|it| it.path().is_ident("cfg"));
    conditions.any(|it| matches!(it.parse_args_with(predicate), Ok(Some(false))))
}

/// Returns the value of a predicate without tests and fuzzers.
///
/// The value is `None` if features or targets decide it.
fn predicate(input: ParseStream<'_>) -> syn::Result<Option<bool>> {
    let name = input.call(syn::Ident::parse_any)?.to_string();
    if input.peek(Paren) {
        let inner;
        parenthesized!(inner in input);
        if !["all", "any", "not"].contains(&name.as_str()) {
            inner.parse::<proc_macro2::TokenStream>()?;
            return Ok(None);
        }
        let values: Punctuated<_, Token![,]> = inner.parse_terminated(predicate, Token![,])?;
        let has = |value: bool| values.iter().any(|it| *it == Some(value));
        let are_all = |value: bool| values.iter().all(|it| *it == Some(value));
        return Ok(match name.as_str() {
            "all" if has(false) => Some(false),
            "all" if are_all(true) => Some(true),
            "any" if has(true) => Some(true),
            "any" if are_all(false) => Some(false),
            "not" => values.first().copied().flatten().map(|value| !value),
            _ => None,
        });
    }
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        input.parse::<Lit>()?;
        return Ok(None);
    }
    Ok(match name.as_str() {
        "test" | "doctest" | "fuzzing" | "false" => Some(false),
        "true" => Some(true),
        _ => None,
    })
}

#[test]
fn items_of_tests_are_told_by_their_cfg() {
    let cases = [
        ("test", true),
        ("doctest", true),
        ("any(test, doctest)", true),
        ("any(test, fuzzing)", true),
        ("all(test, feature = \"x\")", true),
        ("all(feature = \"x\", not(not(test)))", true),
        ("not(any(not(test), feature = \"x\"))", true),
        ("any(test, feature = \"x\")", false),
        ("any(doctest, unix)", false),
        ("not(test)", false),
        ("not(all(test, feature = \"x\"))", false),
        ("all(unix, target_os = \"linux\")", false),
        ("any(test, target(os = \"linux\"))", false),
        ("feature = \"test\"", false),
    ];
    for (predicate, expected) in cases {
        let item: syn::ItemFn =
            syn::parse_str(&format!("#[cfg({predicate})] fn it() {{}}")).unwrap();
        assert_eq!(is_for_tests(&item.attrs), expected, "{predicate}");
    }
    let two: syn::ItemFn = syn::parse_str("#[cfg(unix)] #[cfg(test)] fn it() {}").unwrap();
    assert!(is_for_tests(&two.attrs));
}

//! Places on a page, described by what a person reads there.

use thirtyfour::By;

/// A link with this text, or with more text around it.
pub(super) fn link(text: &str) -> By {
    By::XPath(format!("//a[{}]", is_named(text)))
}

/// A button with this text or label, or with more text around it.
pub(super) fn button(text: &str) -> By {
    By::XPath(format!(
        "//*[self::button or @role='button' or self::summary][{}]",
        is_named(text)
    ))
}

/// An input field or a list of choices with this label.
pub(super) fn field(label: &str) -> By {
    let is_named = is_named(label);
    By::XPath(format!(
        "//*[self::input or self::select or self::textarea]
            [@placeholder='{label}' or {is_named} or @id=//label[{is_named}]/@for or ancestor::label[{is_named}]]"
    ))
}

/// An element that matches a CSS selector.
pub(super) fn css(selector: &str) -> By {
    By::Css(selector.to_owned())
}

/// The condition on an element with this text or label; `text` has no apostrophe.
fn is_named(text: &str) -> String {
    format!(
        "contains(normalize-space(.), '{text}') or contains(@aria-label, '{text}') or contains(@title, '{text}')"
    )
}

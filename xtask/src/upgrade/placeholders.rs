//! Whether a file of the template can have become a file of a service.
//!
//! This is decided without values for the placeholders, so it needs no rendering.

/// Whether `template` with some values for its placeholders is `rendered`.
///
/// `None` if it has conditions, so that only a rendering can tell.
pub(super) fn can_be(template: &str, rendered: &str) -> Option<bool> {
    let literals = literals(template)?;
    let (first, others) = literals.split_first()?;
    let Some(mut rest) = rendered.strip_prefix(&**first) else {
        return Some(false);
    };
    let Some((last, middle)) = others.split_last() else {
        return Some(rest.is_empty());
    };
    for literal in middle {
        match rest.split_once(&**literal) {
            Some((_, after)) => rest = after,
            None => return Some(false),
        }
    }
    Some(rest.ends_with(&**last))
}

/// The texts around the placeholders; `None` if there are conditions.
fn literals(template: &str) -> Option<Vec<String>> {
    let mut literals = vec![String::new()];
    let mut rest = template;
    while let Some(start) = rest.find(['{']) {
        let (before, from) = rest.split_at(start);
        let literal = literals.last_mut()?;
        literal.push_str(before);
        if let Some(raw) = from.strip_prefix("{% raw %}") {
            let (text, after) = raw.split_once("{% endraw %}")?;
            literal.push_str(text);
            rest = after;
        } else if from.starts_with("{%") {
            return None;
        } else if let Some(placeholder) = from.strip_prefix("{{") {
            rest = placeholder.split_once("}}")?.1;
            literals.push(String::new());
        } else {
            literal.push('{');
            rest = from.get(1..)?;
        }
    }
    literals.last_mut()?.push_str(rest);
    Some(literals)
}

#[cfg(test)]
mod tests {
    use super::can_be;

    #[test]
    fn values_of_placeholders_may_be_any() {
        let template = "name: {{name}}\n{% raw %}sum {{x}} { }{% endraw %} at {{address}}/a\n";
        for (rendered, expected) in [
            ("name: orders\nsum {{x}} { } at https://b/a\n", true),
            ("name: orders\nsum {{y}} { } at https://b/a\n", false),
            ("name: orders\nsum {{x}} { } at https://b/a\nmore\n", false),
            ("title: orders\n", false),
        ] {
            assert_eq!(can_be(template, rendered), Some(expected), "{rendered}");
        }
        assert_eq!(can_be("fn main() {}\n", "fn main() {}\n"), Some(true));
        assert_eq!(can_be("fn main() {}\n", "fn main() {}\n\n"), Some(false));
    }

    #[test]
    fn conditions_are_not_decided() {
        assert_eq!(can_be("{% if worker %}a{% endif %}", "a"), None);
        assert_eq!(can_be("{%- raw %}a{% endraw %}", "a"), None);
    }
}

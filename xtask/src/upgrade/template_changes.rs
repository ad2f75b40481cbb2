//! What has changed in the template, as the changelog says.

use super::template_history::TemplateHistory;

/// The file of the checkout.
const FILE: &str = "CHANGELOG.md";

/// The line before a list of changes of the template.
const HEADING: &str = "Template:";

/// The entries of the changelog about the template that are new since `from`.
pub(super) fn between(
    history: &TemplateHistory<'_>,
    from: &str,
    to: &str,
) -> anyhow::Result<Vec<String>> {
    let (old, new) = (history.file(from, FILE)?, history.file(to, FILE)?);
    let old = entries(&old);
    let new = entries(&new).into_iter();
    Ok(new.filter(|entry| !old.contains(entry)).collect())
}

/// The entries of all lists about the template, each as one line.
fn entries(changelog: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    let mut is_template = false;
    for line in changelog.lines() {
        if !line.starts_with(['-', ' ']) && !line.is_empty() {
            is_template = line == HEADING;
        } else if !is_template {
            continue;
        } else if let Some(first) = line.strip_prefix("- ") {
            entries.push(first.to_owned());
        } else if let (Some(entry), false) = (entries.last_mut(), line.trim().is_empty()) {
            *entry += " ";
            *entry += line.trim();
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn entries_of_the_template_are_joined() {
        let changelog = "## 0.2.0\n\n### Added\n\nCore:\n\n- a\n\nTemplate:\n\n- b\n  c\n- d\n\nTesting:\n\n- e\n\n\
                         ## 0.1.0\n\nTemplate:\n\n- f\n";
        assert_eq!(entries(changelog), ["b c", "d", "f"]);
    }

    #[test]
    fn the_changelog_has_entries() -> anyhow::Result<()> {
        let changelog = std::fs::read_to_string(support::paths::root().join(super::FILE))?;
        let found = entries(&changelog);
        assert!(found.len() > 3, "{found:?}");
        Ok(())
    }
}

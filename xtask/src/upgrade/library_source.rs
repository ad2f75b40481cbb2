//! The source from which a service takes the library, as its `Cargo.toml` has it.
//!
//! Both renderings get this source, so that the line of the dependency differs only if the template has changed it.

use toml::{Table, Value};

/// The keys of a dependency that say where it comes from.
const KEYS: [&str; 8] = [
    "workspace",
    "version",
    "registry",
    "path",
    "git",
    "branch",
    "tag",
    "rev",
];

/// An answer for a source that is a folder on some machine.
///
/// The template renders it as a path, and records it as `auto`.
pub(super) const LOCAL: &str = "/firstlight";

/// The source in a service's manifest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LibrarySource {
    /// The keys, such as `git = "https://…", tag = "v0.1.0"`.
    keys: String,
    /// The answer to the question `firstlight` that comes closest.
    pub(super) answer: String,
}

impl LibrarySource {
    /// Reads the manifest; `None` if it has no dependency `firstlight`.
    pub(super) fn read(manifest: &str) -> Option<Self> {
        let manifest: Table = toml::from_str(manifest).ok()?;
        let dependency = manifest.get("dependencies")?.get("firstlight")?;
        let table = match dependency {
            Value::String(version) => {
                Table::from_iter([("version".to_owned(), version.as_str().into())])
            }
            dependency => dependency.as_table()?.clone(),
        };
        let keys = table.iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
        let keys: Vec<_> = keys
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        let text = |key| table.get(key).and_then(Value::as_str);
        let answer = text("git").or_else(|| text("version").filter(|_| text("path").is_none()));
        Some(Self {
            keys: keys.join(", "),
            answer: answer.unwrap_or(LOCAL).to_owned(),
        })
    }

    /// Writes this source into a rendered manifest.
    pub(super) fn write(&self, rendered: &str) -> String {
        let lines = rendered.split_inclusive('\n');
        lines
            .map(|line| self.line(line).unwrap_or_else(|| line.to_owned()))
            .collect()
    }

    fn line(&self, line: &str) -> Option<String> {
        let start = "firstlight = { ";
        let features = line.strip_prefix(start)?.find(", features")?;
        let rest = line.get(start.len() + features..)?;
        Some(format!("{start}{}{rest}", self.keys))
    }
}

#[cfg(test)]
mod tests {
    use super::{LOCAL, LibrarySource};

    const RENDERED: &str = "[dependencies]\nfirstlight = { path = \"/x\", features = [\"axum\"] }\nmetrics = \"0.24.5\"\n";

    #[test]
    fn each_source_is_kept() {
        for (dependency, keys, answer) in [
            (
                "{ path = \"/src/firstlight/telemetry-crate\", features = [\"axum\"] }",
                "path = \"/src/firstlight/telemetry-crate\"",
                LOCAL,
            ),
            (
                "{ git = \"https://a.test/b\", features = [], tag = \"v0.1\" }",
                "git = \"https://a.test/b\", tag = \"v0.1\"",
                "https://a.test/b",
            ),
            ("\"0.2\"", "version = \"0.2\"", "0.2"),
            ("{ workspace = true }", "workspace = true", LOCAL),
        ] {
            let manifest = format!("[dependencies]\nfirstlight = {dependency}\n");
            let source = LibrarySource::read(&manifest);
            let written = source.as_ref().map(|source| source.write(RENDERED));
            let expected = RENDERED.replace("path = \"/x\"", keys);
            assert_eq!(written.as_deref(), Some(&*expected), "{dependency}");
            assert_eq!(source.map(|source| source.answer).as_deref(), Some(answer));
        }
    }

    #[test]
    fn services_without_the_library_have_none() {
        assert_eq!(
            LibrarySource::read("[dependencies]\naxum = \"0.8\"\n"),
            None
        );
    }
}

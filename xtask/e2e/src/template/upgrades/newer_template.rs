//! A clone of this checkout whose template is newer: each of its files is changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use support::{
    files::{self, Files},
    git::{self, git},
    paths,
};

/// The text that is new in each file.
pub(super) const MARK: &str = "written by the newer template";

/// The file that only the newer template has.
pub(super) const ADDED: &str = "OPERATIONS.md";

/// The file with the list of changes that an upgrade prints.
const CHANGELOG: &str = "CHANGELOG.md";

/// A line of README.md, and how the newer template changes it.
pub(super) const README_LINE: [&str; 2] = [
    "An HTTP service with logs, metrics and traces by",
    "An HTTP service with all signals by",
];

/// The help of a metric, and how the newer template changes it.
///
/// It is in the declaration, and in the documents that the service's tests write from it.
const HELP: [&str; 2] = [
    "Orders that were accepted.",
    "Orders that were accepted, written by the newer template.",
];

/// The documents.
const DOCUMENTS: [&str; 2] = [
    "docs/metrics.md",
    "observability/dashboards/{{project-name}}.json",
];

/// The clone.
#[derive(Debug)]
pub(super) struct NewerTemplate {
    pub(super) folder: PathBuf,
    /// The commit of this checkout's template.
    pub(super) current: String,
}

impl NewerTemplate {
    /// Clones this checkout and changes each file of the template.
    ///
    /// The template and the changelog are those of the working tree.
    pub(super) fn create(folder: PathBuf) -> anyhow::Result<Self> {
        let root = paths::root().display().to_string();
        let parent = folder.parent().context("no parent folder")?;
        let name = folder.display().to_string();
        // Without copies of the objects, which are those of this checkout.
        let clone = ["clone", "--quiet", "--shared", "--no-tags", &root, &name];
        git::text(&mut git(parent, &clone))?;

        let template = folder.join("template");
        fs::remove_dir_all(&template)?;
        let current = files::read(&paths::template())?;
        files::write(&template, &current)?;
        let changelog = fs::read_to_string(paths::root().join(CHANGELOG))?;
        fs::write(folder.join(CHANGELOG), &changelog)?;
        let mut newer = Self {
            folder,
            current: String::new(),
        };
        newer.current = commit(&newer.folder, "The template of the working tree")?;

        let mut newest = Files::new();
        for (name, content) in current {
            newest.insert(name.clone(), changed(&name, &content)?);
        }
        newest.insert(ADDED.to_owned(), format!("{MARK}\n").into_bytes());
        files::write(&template, &newest)?;
        let entry = format!("Template:\n\n- Each file is\n  {MARK}.\n");
        ensure!(
            changelog.contains("Template:\n\n"),
            "{CHANGELOG} has no list"
        );
        let changelog = changelog.replacen("Template:\n\n", &entry, 1);
        fs::write(newer.folder.join(CHANGELOG), changelog)?;
        commit(&newer.folder, "A newer template")?;
        Ok(newer)
    }
}

/// Commits all files of a repository, and returns the commit.
pub(super) fn commit(folder: &Path, message: &str) -> anyhow::Result<String> {
    git::text(&mut git(folder, &["add", "--all"]))?;
    let author = ["-c", "user.name=Team", "-c", "user.email=team@company.test"];
    let commit = ["commit", "--quiet", "--allow-empty", "--message", message];
    git::text(&mut git(folder, &[&author[..], &commit].concat()))?;
    git::text(&mut git(folder, &["rev-parse", "HEAD"]))
}

/// The file with a comment in its first line, or what its format has for one.
fn changed(name: &str, content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let text = String::from_utf8(content.to_vec()).with_context(|| name.to_owned())?;
    let extension = Path::new(name).extension().and_then(|name| name.to_str());
    let changed = match extension {
        _ if DOCUMENTS.contains(&name) => with_help(name, &text)?,
        Some("json") => text.replacen('\n', &format!("\n  \"x-mark\": \"{MARK}\",\n"), 1),
        Some("md") if name == "README.md" => {
            let [old, new] = README_LINE;
            ensure!(text.contains(old), "README.md: found no {old:?}");
            format!("{}\n{MARK}\n", text.replacen(old, new, 1))
        }
        Some("md") => format!("{MARK}\n\n{text}"),
        Some("rs") if name == "src/metrics.rs" => with_help(name, &text)?,
        Some("rs" | "rhai") => format!("// {MARK}\n{text}"),
        Some("sql") => format!("-- {MARK}\n{text}"),
        _ => format!("# {MARK}\n{text}"),
    };
    Ok(changed.into_bytes())
}

/// A declaration or document with the new help.
fn with_help(name: &str, text: &str) -> anyhow::Result<String> {
    let [old, new] = HELP;
    ensure!(text.contains(old), "{name}: found no {old:?}");
    Ok(text.replace(old, new))
}

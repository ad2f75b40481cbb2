//! Finds the commit of a service's template, if its record does not name it.
//!
//! The release of the recorded version is tried first. Otherwise, the template of each commit is compared with the first commit of the service. Files without conditions are compared as
//! they are. Where few of them differ, the others are rendered and compared, too.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::Context as _;
use support::ui;
use toml::Table;

use super::{
    library_source::LibrarySource,
    placeholders,
    rendering::render,
    scratch::Scratch,
    service_record::{FILE, short},
    service_repository::ServiceRepository,
    template_history::TemplateHistory,
};

/// What a service was generated from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs<'a> {
    /// The version of the template.
    pub(super) version: &'a str,
    pub(super) name: &'a str,
    pub(super) answers: &'a Table,
    pub(super) source: Option<&'a LibrarySource>,
}

/// A commit and its likeness to the service's first commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Candidate {
    commit: String,
    /// How many newer commits there are.
    age: usize,
    /// Files of the template that the service has, up to values.
    same: BTreeSet<String>,
    /// The number of files that differ.
    different: usize,
}

/// Finds the commit and prints it.
pub(super) fn find(
    history: &TemplateHistory<'_>,
    repository: &ServiceRepository,
    scratch: &Scratch,
    inputs: Inputs<'_>,
) -> anyhow::Result<String> {
    let first = First::read(history, repository)?;
    if let Some(commit) = history.release(inputs.version)? {
        let candidate = Candidate {
            commit: commit.clone(),
            ..Candidate::default()
        };
        let rendered = first.rendered(candidate, scratch, inputs);
        if rendered.is_ok_and(|rendered| rendered.different == 0) {
            ui::line(format!(
                "  {FILE} names no commit. The template of the release {} has all files of the service's first commit.",
                inputs.version
            ));
            return Ok(commit);
        }
    }
    let step = ui::Step::start(
        "find the commit of the service's template",
        "compares the history with the service's first commit",
    );
    let mut commits = first.compared()?;
    commits.sort_by_key(|candidate| (candidate.different, Reverse(candidate.same.len())));
    let mut rendered: Vec<Candidate> = Vec::new();
    for candidate in commits {
        let fewest = rendered.iter().map(|candidate| candidate.different).min();
        // More files may differ in the rendering, but no fewer.
        let is_further = fewest.is_some_and(|fewest| candidate.different > fewest);
        if rendered.len() == MAX_RENDERED || is_further {
            break;
        }
        step.doing(&format!(
            "renders {}, the {}. of at most {MAX_RENDERED}",
            short(&candidate.commit),
            rendered.len() + 1
        ));
        // A template that does not know the answers cannot have rendered the service.
        if let Ok(candidate) = first.rendered(candidate, scratch, inputs) {
            rendered.push(candidate);
        }
    }
    step.done("");
    let hint = if history.is_shallow()? {
        " This checkout has no older commits; git fetch --unshallow gets them."
    } else {
        ""
    };
    let found = closest(rendered).filter(|found| found.same.len() > found.different);
    let found = found.with_context(|| {
        format!("{FILE} names no commit of the template, and no commit is like the service's first one.{hint} Name it: --from COMMIT")
    })?;
    ui::line(format!(
        "  {FILE} names no commit. The closest to the service's first commit is {}: {} files are the same, and {} differ. --from names another.",
        short(&found.commit),
        found.same.len(),
        found.different
    ));
    Ok(found.commit)
}

/// The number of commits that are rendered at most.
const MAX_RENDERED: usize = 40;

/// The files of the service's first commit.
#[derive(Debug)]
struct First<'a> {
    history: &'a TemplateHistory<'a>,
    repository: &'a ServiceRepository,
    /// The names of their contents, by path.
    files: BTreeMap<String, String>,
}

impl<'a> First<'a> {
    fn read(
        history: &'a TemplateHistory<'a>,
        repository: &'a ServiceRepository,
    ) -> anyhow::Result<Self> {
        let files = repository.contents(&repository.first_tree()?)?;
        Ok(Self {
            history,
            repository,
            files,
        })
    }

    /// Compares the files without conditions of all commits, newest first.
    fn compared(&self) -> anyhow::Result<Vec<Candidate>> {
        let mut templates = Vec::new();
        let mut pairs = BTreeSet::new();
        for commit in self.history.commits()? {
            let mut files = self.history.files(&commit)?;
            let all: Vec<_> = files.keys().cloned().collect();
            files.retain(|path, _| self.files.contains_key(path) && !has_variant(path, &all));
            pairs.extend(
                files
                    .iter()
                    .map(|(path, blob)| (path.clone(), blob.clone())),
            );
            templates.push((commit, files));
        }
        let blobs = pairs.iter().map(|(_, blob)| blob.clone()).collect();
        let (theirs, mut own) = (self.history.texts(&blobs)?, BTreeMap::new());
        for path in pairs.iter().map(|(path, _)| path) {
            if !own.contains_key(path) {
                own.insert(path, self.repository.text(&self.files[path])?);
            }
        }
        let decided =
            |pair: &(String, String)| placeholders::can_be(&theirs[&pair.1], &own[&pair.0]);
        let decided: BTreeMap<_, _> = pairs.iter().map(|pair| (pair, decided(pair))).collect();

        let candidate = |(age, (commit, files)): (usize, (String, BTreeMap<String, String>))| {
            let mut candidate = Candidate {
                commit,
                age,
                ..Candidate::default()
            };
            for pair in files {
                match decided[&pair] {
                    Some(true) => drop(candidate.same.insert(pair.0)),
                    Some(false) => candidate.different += 1,
                    None => {}
                }
            }
            candidate
        };
        Ok(templates.into_iter().enumerate().map(candidate).collect())
    }

    /// Renders the other files, and compares them.
    fn rendered(
        &self,
        mut candidate: Candidate,
        scratch: &Scratch,
        inputs: Inputs<'_>,
    ) -> anyhow::Result<Candidate> {
        let template = self.history.extract(&candidate.commit)?;
        let reduced = scratch.folder("reduced")?;
        let mut files = support::files::read(&template)?;
        // Most of the time is spent on dashboards, which have no conditions.
        files.retain(|path, _| !candidate.same.contains(path));
        support::files::write(&reduced, &files)?;
        let rendering = render(scratch, &reduced, inputs.name, inputs.answers, "")?;
        rendering.keep_source(inputs.source)?;
        let tree = self.repository.tree(&rendering.folder, scratch)?;
        candidate.different = 0;
        for (path, blob) in self.repository.contents(&tree)? {
            if path == FILE {
                continue;
            }
            if self.files.get(&path) == Some(&blob) {
                candidate.same.insert(path);
            } else {
                candidate.different += 1;
            }
        }
        fs::remove_dir_all(&reduced)?;
        Ok(candidate)
    }
}

/// Whether another file may replace this one, as `ci.postgres.yml` `ci.yml`.
fn has_variant(path: &str, all: &[String]) -> bool {
    let (stem, extension) = path.rsplit_once('.').unwrap_or((path, ""));
    all.iter().any(|other| {
        let middle = other.strip_prefix(stem);
        let middle = middle.and_then(|rest| rest.strip_suffix(extension));
        middle.is_some_and(|middle| middle.len() > 1 && middle.starts_with('.'))
    })
}

/// The candidate with the fewest different files, and the oldest of several.
///
/// A base that is too old marks a conflict. A base that is too new takes the template's changes for changes that the
/// service has reverted, and loses them.
fn closest(candidates: Vec<Candidate>) -> Option<Candidate> {
    let key = |candidate: &Candidate| (candidate.different, Reverse(candidate.age));
    candidates.into_iter().min_by_key(key)
}

#[cfg(test)]
mod tests {
    use super::{Candidate, closest, has_variant};

    #[test]
    fn the_oldest_of_the_closest_is_chosen() {
        let found = [
            ("same rendering", 1, 0),
            ("with another file", 0, 1),
            ("oldest that fits", 2, 0),
            ("too old", 3, 1),
        ];
        let found = found.map(|(commit, age, different)| Candidate {
            commit: commit.to_owned(),
            age,
            different,
            ..Candidate::default()
        });
        let found = closest(found.into()).map(|found| found.commit);
        assert_eq!(found.as_deref(), Some("oldest that fits"));
        assert_eq!(closest(Vec::new()), None);
    }

    #[test]
    fn variants_replace_files() {
        let all = [
            "ci.yml",
            "ci.postgres.yml",
            "src/main.rs",
            "src/main_test.rs",
        ];
        let all = all.map(str::to_owned);
        assert!(has_variant("ci.yml", &all));
        for path in ["ci.postgres.yml", "src/main.rs", "README"] {
            assert!(!has_variant(path, &all), "{path}");
        }
    }
}

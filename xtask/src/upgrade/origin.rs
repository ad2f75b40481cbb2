//! Finds the commit of the template from which a service was generated, if its record does not name it.
//!
//! The template of each commit is compared with the first commit of the service. Files that the template copies without a
//! change are compared at once. Commits in which few of them differ are rendered, to compare the other files as well.

use std::{cmp::Reverse, collections::BTreeMap, fs};

use anyhow::{Context as _, ensure};
use support::ui;
use toml::Table;

use super::{
    library_source::LibrarySource,
    rendering::{Rendering, render},
    scratch::Scratch,
    service_record::{FILE, short},
    service_repository::ServiceRepository,
    template_history::TemplateHistory,
};

/// What a service was generated from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) name: &'a str,
    pub(super) answers: &'a Table,
    pub(super) source: Option<&'a LibrarySource>,
}

/// A commit and its likeness to the service's first commit.
#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    commit: String,
    /// How many newer commits there are.
    age: usize,
    /// The number of rendered files that are the same.
    same: usize,
    /// The number of rendered files.
    all: usize,
}

impl Candidate {
    /// The number of rendered files that differ.
    fn different(&self) -> usize {
        self.all - self.same
    }
}

/// The number of commits that are rendered at most.
const MAX_RENDERED: usize = 40;

/// Finds the commit and prints it.
pub(super) fn find(
    history: &TemplateHistory<'_>,
    repository: &ServiceRepository,
    scratch: &Scratch,
    inputs: Inputs<'_>,
) -> anyhow::Result<String> {
    let first = repository.contents(&repository.first_tree()?)?;
    let mut commits = Vec::new();
    for (age, commit) in history.commits()?.into_iter().enumerate() {
        let verbatim = history.verbatim(&commit)?;
        let shared = verbatim.iter();
        let shared = shared.filter_map(|(path, blob)| Some((blob, first.get(path)?)));
        let (same, different): (Vec<_>, Vec<_>) = shared.partition(|(blob, own)| blob == own);
        commits.push((different.len(), Reverse(same.len()), age, commit));
    }
    commits.sort();
    let mut candidates: Vec<Candidate> = Vec::new();
    for (different, _, age, commit) in commits {
        let fewest = candidates.iter().map(Candidate::different).min();
        // A rendering differs in these files at least, so the others are no closer.
        if candidates.len() == MAX_RENDERED || fewest.is_some_and(|fewest| different > fewest) {
            break;
        }
        // A template that does not know the answers cannot have rendered the service.
        if let Ok(rendering) = rendered(history, scratch, &commit, inputs) {
            let tree = repository.tree(&rendering.folder, scratch)?;
            let rendered = repository.contents(&tree)?;
            candidates.push(compared(commit, age, &first, &rendered));
            fs::remove_dir_all(&rendering.folder)?;
        }
    }
    let hint = if history.is_shallow()? {
        " This checkout has no older commits; git fetch --unshallow gets them."
    } else {
        ""
    };
    let found = closest(candidates).filter(|found| found.same * 2 >= found.all);
    let found = found.with_context(|| {
        format!("{FILE} names no commit of the template, and no commit is like the service's first one.{hint} Name it: --from COMMIT")
    })?;
    ensure!(found.all > 0, "the template renders nothing");
    ui::line(format!(
        "  {FILE} names no commit. In the service's first commit, {} of {} files are those of {}; --from names another.",
        found.same,
        found.all,
        short(&found.commit)
    ));
    Ok(found.commit)
}

fn rendered(
    history: &TemplateHistory<'_>,
    scratch: &Scratch,
    commit: &str,
    inputs: Inputs<'_>,
) -> anyhow::Result<Rendering> {
    let template = history.extract(commit)?;
    let rendering = render(scratch, &template, inputs.name, inputs.answers, "")?;
    rendering.keep_source(inputs.source)?;
    Ok(rendering)
}

fn compared(
    commit: String,
    age: usize,
    first: &BTreeMap<String, String>,
    rendered: &BTreeMap<String, String>,
) -> Candidate {
    let rendered = rendered.iter().filter(|(path, _)| *path != FILE);
    let is_same = |(path, blob): &(&String, &String)| first.get(*path) == Some(*blob);
    Candidate {
        commit,
        age,
        same: rendered.clone().filter(is_same).count(),
        all: rendered.count(),
    }
}

/// The candidate with the fewest different files, and the oldest of several.
///
/// A base that is too old marks a conflict. A base that is too new takes the template's changes for changes that the
/// service has reverted, and loses them.
fn closest(candidates: Vec<Candidate>) -> Option<Candidate> {
    let key = |candidate: &Candidate| (candidate.different(), Reverse(candidate.age));
    candidates.into_iter().min_by_key(key)
}

#[cfg(test)]
mod tests {
    use super::{Candidate, closest};

    #[test]
    fn the_oldest_of_the_closest_is_chosen() {
        let found = [
            ("same rendering", 1, 9, 9),
            ("with another file", 0, 9, 10),
            ("oldest that fits", 2, 9, 9),
            ("too old", 3, 8, 9),
        ];
        let found = found.map(|(commit, age, same, all)| Candidate {
            commit: commit.to_owned(),
            age,
            same,
            all,
        });
        let found = closest(found.into()).map(|found| found.commit);
        assert_eq!(found.as_deref(), Some("oldest that fits"));
        assert_eq!(closest(Vec::new()), None);
    }
}

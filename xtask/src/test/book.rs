//! Builds the book, and checks the links of all documents.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use support::{Cases, command, files, paths, tools};

/// Pages that mdBook adds.
///
/// Their links are copies of others, or are resolved by the server.
const OF_MDBOOK: [&str; 3] = ["404.html", "print.html", "toc.html"];

pub(super) fn cases(cases: &mut Cases) {
    let name = "book: builds without warnings";
    let mdbook = match tools::mdbook() {
        Ok(mdbook) => mdbook,
        Err(error) => return cases.not_run(name, &format!("{error:#}")),
    };
    let folder = paths::target().join("book");
    if cases.check(name, || build(mdbook, &folder)) {
        cases.check("book: links lead to pages and headings", || {
            links_of_book(&folder)
        });
    }
    cases.check("documents: links lead to files and headings", || {
        links_of_documents()
    });
}

fn build(mut mdbook: Command, folder: &Path) -> anyhow::Result<()> {
    mdbook
        .arg("build")
        .arg(paths::root().join("docs/book"))
        .arg("--dest-dir")
        .arg(folder);
    let output = command::watched("build of the book", &mut mdbook)?;
    let warnings: Vec<_> = output
        .lines()
        .filter(|line| line.contains("WARN") || line.contains("ERROR"))
        .collect();
    ensure!(warnings.is_empty(), "{}", warnings.join("\n"));
    Ok(())
}

/// Checks that each link and image of the pages leads into the book.
fn links_of_book(folder: &Path) -> anyhow::Result<()> {
    let pages: BTreeMap<String, String> = files::read(folder)?
        .into_iter()
        .map(|(name, content)| (name, String::from_utf8_lossy(&content).into_owned()))
        .collect();
    let is_page = |name: &String| name.ends_with(".html") && !OF_MDBOOK.contains(&name.as_str());
    let ids: BTreeMap<&str, BTreeSet<&str>> = pages
        .iter()
        .filter(|(name, _)| is_page(name))
        .map(|(name, text)| (name.as_str(), attributes(text, "id").collect()))
        .collect();
    ensure!(ids.len() > 50, "the book has only {} pages", ids.len());
    let mut faults = Vec::new();
    for (name, text) in pages.iter().filter(|(name, _)| is_page(name)) {
        let links = attributes(text, "href").chain(attributes(text, "src"));
        for link in links.filter(|link| !is_remote(link)) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let Some(target) = resolved(name, file) else {
                faults.push(format!("{name}: {link} leaves the book"));
                continue;
            };
            if !pages.contains_key(&target) {
                faults.push(format!("{name}: {link} leads to no page"));
            } else if !anchor.is_empty()
                && ids
                    .get(target.as_str())
                    .is_some_and(|ids| !ids.contains(anchor))
            {
                faults.push(format!("{name}: {link} leads to no heading"));
            }
        }
    }
    report(faults)
}

/// The values of an attribute, of which mdBook writes each in double quotes.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {name}=\"");
    let mut rest = html;
    std::iter::from_fn(move || {
        let (_, value) = rest.split_once(&start)?;
        let (value, after) = value.split_once('"')?;
        rest = after;
        Some(value)
    })
}

/// Whether a link has a scheme, which leads out of the repository.
fn is_remote(link: &str) -> bool {
    let scheme = link.split_once(':').map_or("", |(scheme, _)| scheme);
    !scheme.is_empty() && scheme.chars().all(|it| it.is_ascii_alphabetic())
}

/// The path of `link` in the file `from`, or `None` if it leaves the root.
fn resolved(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let mut path = PathBuf::from(from);
    path.pop();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => path.pop().then_some(())?,
            Component::Normal(part) => path.push(part),
            _ => {}
        }
    }
    Some(path.to_string_lossy().replace('\\', "/"))
}

fn report(faults: Vec<String>) -> anyhow::Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{} links:\n  {}", faults.len(), faults.join("\n  "));
}

/// Folders and files with documents outside the book.
const DOCUMENTS: [&str; 7] = [
    ".github",
    "CHANGELOG.md",
    "README.md",
    "docs/alerts",
    "docs/dashboards",
    "docs/platform",
    "docs/runbooks",
];

/// Checks relative links in the documents that the book does not contain.
fn links_of_documents() -> anyhow::Result<()> {
    let mut faults = Vec::new();
    let mut found = 0;
    for start in DOCUMENTS {
        for document in markdown(&paths::root().join(start))? {
            let text = fs::read_to_string(&document)?;
            let name = document.strip_prefix(paths::root())?.to_string_lossy();
            for link in links(&text) {
                found += 1;
                let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
                let target = match resolved(&name, file) {
                    Some(target) => paths::root().join(target),
                    None => {
                        faults.push(format!("{name}: {link} leaves the repository"));
                        continue;
                    }
                };
                if !target.exists() {
                    faults.push(format!("{name}: {link} leads to no file"));
                } else if !anchor.is_empty() && target.extension().is_some_and(|it| it == "md") {
                    let text = fs::read_to_string(&target).with_context(|| link.clone())?;
                    if !headings(&text).contains(anchor) {
                        faults.push(format!("{name}: {link} leads to no heading"));
                    }
                }
            }
        }
    }
    ensure!(found > 20, "found only {found} links");
    report(faults)
}

fn markdown(start: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if start.is_file() {
        return Ok(vec![start.to_owned()]);
    }
    let names = files::read(start)?.into_keys();
    let names = names.filter(|name| name.ends_with(".md"));
    Ok(names.map(|name| start.join(name)).collect())
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The relative links of a document.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let inline = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(link, _)| link);
        let image = attributes(line, "src").chain(attributes(line, "srcset"));
        let links = inline.chain(image).filter(|link| !is_remote(link));
        found.extend(links.map(str::to_owned));
    }
    found
}

/// The anchors of headings as GitHub makes them.
fn headings(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| {
        let title = line.trim_start_matches('#').strip_prefix(' ')?;
        line.starts_with('#').then(|| {
            let words = title.to_lowercase().replace(' ', "-");
            let is_kept = |it: &char| it.is_alphanumeric() || matches!(it, '-' | '_');
            words.chars().filter(is_kept).collect()
        })
    };
    prose(text).filter_map(heading).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_headings_are_read() {
        let text =
            "# What `/explain` finds\nsee [a](b.md#c), [d](https://e)\n```\n[f](g.md)\n```\n";
        assert_eq!(links(text), ["b.md#c"]);
        assert!(headings(text).contains("what-explain-finds"));
    }

    #[test]
    fn links_are_resolved_in_their_folder() {
        assert_eq!(resolved("a/b.html", "../c.html"), Some("c.html".to_owned()));
        assert_eq!(resolved("a/b.html", ""), Some("a/b.html".to_owned()));
        assert_eq!(resolved("b.html", "../c.html"), None);
        assert!(is_remote("https://e") && is_remote("mailto:e") && !is_remote("a.md"));
    }
}

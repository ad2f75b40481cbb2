//! Answers that a team changes after the generation.

use anyhow::ensure;

use super::{
    newer_template::NewerTemplate,
    team_service::{TeamService, upgrade},
};

/// An answer that was edited in the record is in the files after the next upgrade.
pub(super) fn edited(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    upgraded(service, newer, &[])?;
    service.replace(".firstlight.toml", "ci = \"none\"", "ci = \"gitlab\"")?;
    service.commit("Edit an answer")?;
    let output = upgraded(service, newer, &[])?;
    service.read(".gitlab-ci.yml")?;
    ensure!(!output.contains("All of them"), "no changes:\n{output}");
    up_to_date(service, newer)
}

/// An answer is changed after merged upgrades to the same commit.
pub(super) fn merged(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let output = upgraded(service, newer, &[])?;
    let diff = "All of them, in the checkout of firstlight: git diff ";
    ensure!(output.contains(diff), "no {diff:?} in:\n{output}");
    for (number, ci) in [(2, "gitlab"), (3, "none"), (4, "gitlab")] {
        service.git(&["switch", "--quiet", "main"])?;
        service.git(&["merge", "--quiet", "-"])?;
        upgraded(service, newer, &["--answer", &format!("ci={ci}")])?;
        let branch = service.git(&["branch", "--show-current"])?;
        ensure!(branch.ends_with(&format!("-{number}")), "found {branch}");
        let is_there = service.folder.join(".gitlab-ci.yml").exists();
        ensure!(is_there == (ci == "gitlab"), "ci={ci}: {is_there}");
        up_to_date(service, newer)?;
    }
    // The last branch is not merged. A new answer would lead to questions.
    service.git(&["switch", "--quiet", "main"])?;
    let further = ["--answer", "deploy=kubernetes"];
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &further)?;
    ensure!(!is_clean && output.contains("-4 already"), "{output}");
    for unwanted in ["Changes of the template", "New question"] {
        ensure!(!output.contains(unwanted), "{unwanted:?} in:\n{output}");
    }
    Ok(())
}

fn upgraded(
    service: &TeamService,
    newer: &NewerTemplate,
    further: &[&str],
) -> anyhow::Result<String> {
    let before = service.git(&["rev-parse", "HEAD"])?;
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], further)?;
    ensure!(is_clean, "{output}");
    let after = service.git(&["rev-parse", "HEAD"])?;
    ensure!(before != after, "not upgraded:\n{output}");
    Ok(output)
}

fn up_to_date(service: &TeamService, newer: &NewerTemplate) -> anyhow::Result<()> {
    let (is_clean, output) = upgrade(&newer.folder, &[&service.folder], &[])?;
    ensure!(is_clean && output.contains("up to date"), "{output}");
    Ok(())
}

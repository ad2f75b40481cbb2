//! A service in a repository of a team, and `cargo xtask upgrade` for it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use support::{
    command, files,
    git::{self, git},
    paths,
};

use super::newer_template::commit;
use crate::{
    edit::{self, Edit},
    generate::{self, Answers, Service},
};

/// A generated service in a repository of its own, on the branch `main`.
#[derive(Debug)]
pub(super) struct TeamService {
    pub(super) folder: PathBuf,
}

impl TeamService {
    /// Generates the service from `template`, and commits it.
    ///
    /// The record names `template_commit` if there is one.
    pub(super) fn generate(
        template: &Path,
        name: &str,
        destination: &Path,
        answers: &Answers,
        template_commit: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut extra = generate::throwaway();
        if let Some(commit) = template_commit {
            extra.extend(["--define".to_owned(), format!("template_commit={commit}")]);
        }
        fs::create_dir_all(destination)?;
        let service = Service {
            name,
            destination,
            answers: answers.clone(),
            extra: &extra,
        };
        command::run_quietly(&mut service.command_for(template)?)?;
        let folder = destination.join(name);
        git::text(&mut git(
            &folder,
            &["init", "--quiet", "--initial-branch=main"],
        ))?;
        commit(&folder, "Generate the service")?;
        Ok(Self { folder })
    }

    /// A clone of the service, for a test of its own.
    pub(super) fn copy(&self, folder: PathBuf) -> anyhow::Result<Self> {
        let (from, to) = (
            self.folder.display().to_string(),
            folder.display().to_string(),
        );
        let parent = folder.parent().context("no parent folder")?;
        fs::create_dir_all(parent)?;
        git::text(&mut git(parent, &["clone", "--quiet", &from, &to]))?;
        Ok(Self { folder })
    }

    /// Moves all files into a folder of the repository, and commits it.
    pub(super) fn move_into(&self, folder: &str) -> anyhow::Result<()> {
        for file in self.git(&["ls-files"])?.lines() {
            let to = self.folder.join(folder).join(file);
            fs::create_dir_all(to.parent().context("no parent folder")?)?;
            fs::rename(self.folder.join(file), to)?;
        }
        self.commit("Another place").map(drop)
    }

    /// Runs git in the service.
    pub(super) fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let author = ["-c", "user.name=Team", "-c", "user.email=team@company.test"];
        git::text(&mut git(&self.folder, &[&author[..], arguments].concat()))
    }

    pub(super) fn commit(&self, message: &str) -> anyhow::Result<String> {
        commit(&self.folder, message)
    }

    pub(super) fn read(&self, file: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.folder.join(file)).with_context(|| file.to_owned())
    }

    pub(super) fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        fs::write(self.folder.join(file), text).with_context(|| file.to_owned())
    }

    /// Replaces a text that the file has once.
    pub(super) fn replace(&self, file: &str, found: &str, replacement: &str) -> anyhow::Result<()> {
        let text = self.read(file)?;
        let times = text.matches(found).count();
        ensure!(times == 1, "{file}: found {found:?} {times} times");
        self.write(file, &text.replace(found, replacement))
    }

    /// Everything that an upgrade may change: branch, references, status and files.
    pub(super) fn state(&self) -> anyhow::Result<(String, files::Files)> {
        let status = ["status", "--porcelain", "--branch", "--ignored"];
        let (status, references) = (self.git(&status)?, self.git(&["show-ref"])?);
        let mut files = files::read(&self.folder)?;
        files.retain(|name, _| !name.starts_with(".git/"));
        Ok((format!("{status}\n{references}"), files))
    }

    /// Does what a team does in the first weeks.
    ///
    /// A route, a kind of job and a migration are added, an objective is declared, a receiver of alerts is configured, a
    /// line of the README is changed, a file is renamed and another one deleted.
    pub(super) fn edit(&self) -> anyhow::Result<()> {
        let jobs = "xtask/e2e/service/letter_jobs.rs";
        edit::add(jobs, &self.folder, "src/letters.rs")?;
        let letters = "xtask/e2e/service/letters.sql";
        edit::add(letters, &self.folder, "migrations/0003_letters.sql")?;
        edit::apply(&EDITS, &self.folder, file!())?;
        let (old, new) = RENAMED;
        fs::rename(self.folder.join(old), self.folder.join(new))?;
        fs::remove_file(self.folder.join(DELETED))?;
        self.commit("The work of the first weeks").map(drop)
    }

    /// Checks that all edits are there, also those in files with conflicts.
    pub(super) fn check_edits(&self) -> anyhow::Result<()> {
        for Edit {
            file, replacement, ..
        } in EDITS
        {
            let file = if file == MOVED.0 { MOVED.1 } else { file };
            let text = self.read(file)?;
            ensure!(text.contains(replacement), "{file}: no {replacement:?}");
        }
        for file in ["src/letters.rs", "migrations/0003_letters.sql", RENAMED.1] {
            self.read(file)?;
        }
        for file in [RENAMED.0, DELETED, MOVED.0] {
            ensure!(!self.folder.join(file).exists(), "{file} is back");
        }
        Ok(())
    }
}

/// A file and its new name.
pub(super) const RENAMED: (&str, &str) = ("tests/keys.rs", "tests/old_keys.rs");

/// A file that the team does not need.
pub(super) const DELETED: &str = ".github/dependabot.yml";

/// A file, and its place in the newer template.
///
/// The team's edit must follow.
const MOVED: (&str, &str) = (
    "observability/alerts/alertmanager.yml",
    "deploy/compose/platform/alerts/alertmanager.yml",
);

/// The file with the team's objectives.
///
/// The newer template does not have it.
pub(super) const OLD_OBJECTIVES: &str = "observability/alerts/objectives.yml";

/// The line of README.md, as the team writes it.
pub(super) const README_EDIT: &str = "Sends letters. Ask #letters for help. With telemetry by";

/// Edits of the service from the template of the commit that the test names.
const EDITS: [Edit; 6] = [
    Edit {
        file: "src/jobs.rs",
        found: "    let workers = Workers::new(app.store)",
        replacement: "    let letters = app.clone();\n    let workers = Workers::new(app.store)\n        .add(&crate::letters::LETTERS, move |letter| crate::letters::send(letter, letters.clone()))",
    },
    Edit {
        file: "src/lib.rs",
        found: "pub mod jobs;",
        replacement: "pub mod jobs;\npub mod letters;",
    },
    Edit {
        file: "src/routes.rs",
        found: "merge(orders::routes())",
        replacement: "merge(orders::routes()).merge(crate::letters::routes())",
    },
    Edit {
        file: MOVED.0,
        found: "    #webhook_configs:\n    #  # Creates a ticket, or a message in a channel.\n    #  - url: https://tickets.example.com/alerts\n    #    send_resolved: true\n",
        replacement: "    webhook_configs:\n      - url: https://tickets.company.test/letters\n        send_resolved: true\n",
    },
    Edit {
        file: OLD_OBJECTIVES,
        found: "      # - record: slo:availability:declared_objective_ratio\n      #   expr: vector(0.9995)\n      #   labels:\n      #     job: orders\n      #     namespace: production\n",
        replacement: "      - record: slo:availability:declared_objective_ratio\n        expr: vector(0.999)\n        labels:\n          job: letters\n",
    },
    Edit {
        file: "README.md",
        found: super::newer_template::README_LINE[0],
        replacement: README_EDIT,
    },
];

/// Runs `cargo xtask upgrade` with defaults.
///
/// Returns whether it succeeded, and its output.
pub(super) fn upgrade(
    checkout: &Path,
    services: &[&Path],
    further: &[&str],
) -> anyhow::Result<(bool, String)> {
    let mut upgrade = Command::new(paths::program()?);
    upgrade
        .args(["upgrade", "--defaults", "--checkout"])
        .arg(checkout);
    upgrade.args(further).args(services);
    let output = upgrade.output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok((output.status.success(), text))
}

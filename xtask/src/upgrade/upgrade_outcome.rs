//! What became of each service: lines for the terminal, and a table.

use std::path::PathBuf;

use support::{command, ui};

use super::{
    three_way::{Conflict, ConflictKind, ThreeWay},
    way_back::WayBack,
};

/// The outcome for one service.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The path as typed.
    pub(super) path: PathBuf,
    /// The version and commit of the template before.
    pub(super) from: String,
    /// The version and commit of the template of this checkout.
    pub(super) to: String,
    pub(super) end: End,
}

/// How an upgrade ended.
#[derive(Debug)]
pub(super) enum End {
    /// The template renders the same files as before.
    UpToDate,
    /// The branch is checked out.
    Branch { back: WayBack, merged: ThreeWay },
    /// Nothing was changed, for this reason.
    Refused(String),
}

impl Outcome {
    /// Whether nothing is left to be done by hand.
    pub(super) fn is_clean(&self) -> bool {
        match &self.end {
            End::UpToDate => true,
            End::Branch { merged, .. } => merged.conflicts.is_empty(),
            End::Refused(_) => false,
        }
    }

    /// Prints the result, how to continue, and how to go back.
    pub(super) fn print(&self) {
        let Self {
            path,
            from,
            to,
            end,
        } = self;
        let folder = command::quoted(&path.display().to_string());
        let (back, merged) = match end {
            End::UpToDate => {
                return ui::line(format!(
                    "  {}: the files of the template {to} are the same",
                    ui::good("up to date")
                ));
            }
            End::Refused(reason) => return ui::line(format!("  {}: {reason}", ui::bad("refused"))),
            End::Branch { back, merged } => (back, merged),
        };
        let name = back.branch();
        let count = files(merged.changed);
        ui::line(format!("  {from} → {to}: {count} on the new branch {name}"));
        for file in &merged.deleted {
            ui::line(format!(
                "  {file}: changed in the template, but deleted here, so it stays deleted"
            ));
        }
        let back = back.shown();
        if merged.conflicts.is_empty() {
            ui::line(format!(
                "  Next: cd {folder} && cargo test; commit Cargo.lock, and merge the branch."
            ));
            ui::line(ui::quiet(format!("  Back: {back}")));
            return;
        }
        for conflict in &merged.conflicts {
            let (path, hint) = (&conflict.path, hint(conflict));
            ui::line(format!("  {}: {path}{hint}", ui::loud("conflict")));
        }
        ui::line(format!(
            "  Next: cd {folder}, resolve the conflicts (git diff shows them), git add the files, git cherry-pick --continue, cargo test."
        ));
        ui::line(ui::quiet(format!(
            "  Back: git cherry-pick --abort && {back}"
        )));
    }

    fn row(&self) -> [String; 6] {
        let (changed, conflicts, end) = match &self.end {
            End::UpToDate => (String::new(), String::new(), "up to date".to_owned()),
            End::Branch { back, merged } => (
                merged.changed.to_string(),
                merged.conflicts.len().to_string(),
                back.branch().to_owned(),
            ),
            End::Refused(reason) => {
                let first = reason.lines().next().unwrap_or_default();
                (String::new(), String::new(), format!("refused: {first}"))
            }
        };
        let service = self.path.display().to_string();
        let (from, to) = (self.from.clone(), self.to.clone());
        [service, from, to, changed, conflicts, end]
    }
}

/// What to do about a conflict that has no markers in the file.
fn hint(Conflict { path, kind }: &Conflict) -> String {
    match kind {
        ConflictKind::Changed => String::new(),
        ConflictKind::Removed => {
            // Without `./`, git would look in the root of the repository.
            let file = match path.strip_prefix(":/") {
                Some(outside) => outside.to_owned(),
                None => format!("./{path}"),
            };
            let [old, own] = [1, 2].map(|stage| command::quoted(&format!(":{stage}:{file}")));
            format!(
                ", changed here, and removed or moved in the template. The changes below say where its content belongs. \
                 Move what you have changed there, and git rm the file. You have changed: git diff {old} {own}"
            )
        }
        ConflictKind::FolderRenamed => {
            ", a new file in a folder that the other side has renamed. git mv it if it belongs elsewhere".to_owned()
        }
    }
}

/// Prints the table of several services.
pub(super) fn table(outcomes: &[Outcome]) {
    let head = ["service", "from", "to", "files", "conflicts", "branch"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(outcomes.iter().map(Outcome::row));
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    ui::heading("Services");
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        ui::line(format!("  {}", line.trim_end()));
    }
}

/// A number of files, such as `1 file`.
fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    }
}

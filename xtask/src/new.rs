//! `cargo xtask new`: a service of your own, from this checkout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use e2e::generate;
use observability::addresses::Addresses;
use support::{paths, ui};

/// What `new` can be told.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The service's name, in lower case with dashes; also its package, its folder and its `service.name`.
    #[arg(value_parser = name)]
    name: String,
    /// The folder in which the service's folder is made.
    #[arg(long, value_name = "DIR", default_value = ".")]
    destination: PathBuf,
    /// Add a small orders API that shows the patterns.
    #[arg(long)]
    example: bool,
    /// The database to add.
    #[arg(long, default_value = "none", value_parser = generate::STORE)]
    store: String,
    /// Add a worker for jobs and schedules; it needs a database.
    #[arg(long)]
    worker: bool,
    /// What to add for where it runs.
    #[arg(long, default_value = "compose", value_parser = generate::DEPLOY)]
    deploy: String,
    /// What to add for continuous integration.
    #[arg(long, default_value = "github", value_parser = generate::CI)]
    ci: String,
    #[command(flatten)]
    addresses: Addresses,
    /// Passed to cargo-generate as they are.
    #[arg(last = true, value_name = "ARGS")]
    extra: Vec<String>,
}

/// Refuses what cargo-generate would take for another name, without a word: `a--b` for `a-b`, `../a` for `a`.
fn name(typed: &str) -> Result<String, String> {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_joined = |by| typed.split(by).all(is_part);
    if typed.starts_with(|first: char| first.is_ascii_lowercase())
        && (is_joined('-') || is_joined('_'))
    {
        return Ok(typed.to_owned());
    }
    Err(
        "expected lower-case letters a-z, digits, and single dashes (or single underscores) between them, \
         with a letter first, such as my-service"
            .to_owned(),
    )
}

pub(crate) fn run(args: &NewArgs) -> anyhow::Result<()> {
    let options = generate::Options {
        example: args.example,
        store: &args.store,
        worker: args.worker,
        deploy: &args.deploy,
        ci: &args.ci,
        grafana: args.addresses.grafana.as_deref(),
        runbooks: args.addresses.runbooks.as_deref(),
    };
    if let Some(objection) = options.objection() {
        bail!(objection);
    }
    let missing = missing(&args.destination.join(&args.name));
    let made = make(args, options);
    if made.is_err() {
        // cargo-generate makes the folder before the template can refuse an answer. A folder that has a file in it stays.
        for folder in missing {
            let _ = fs::remove_dir(folder);
        }
    }
    let folder = made.map_err(|error| match refusal(&format!("{error:#}")) {
        Some(refusal) => anyhow!(refusal),
        None => error,
    })?;
    ui::heading(&format!("{} is ready", args.name));
    ui::line(format!("  cd {} && cargo run", folder.display()));
    ui::line(ui::quiet(format!(
        "  It uses the library at {}; replace that path in Cargo.toml by a version or a git address before you share it.",
        paths::library().display()
    )));
    Ok(())
}

fn make(args: &NewArgs, options: generate::Options<'_>) -> anyhow::Result<PathBuf> {
    let folder = args.destination.join(&args.name);
    ensure!(
        !folder.exists(),
        "{} is there already; choose another name or --destination, or remove it.",
        folder.display()
    );
    fs::create_dir_all(&args.destination)
        .with_context(|| format!("cannot create {}", args.destination.display()))?;
    let service = generate::Service {
        name: &args.name,
        destination: &args.destination.canonicalize()?,
        options,
        extra: &args.extra,
    };
    service.generate()
}

/// What the template's hooks say of the name, in the output of cargo-generate, which has more words about the hook.
fn refusal(output: &str) -> Option<String> {
    let (_, refusal) = output.split_once("the name \"")?;
    let sentence = refusal.lines().next()?;
    sentence
        .contains("can't be used")
        .then(|| format!("the name \"{sentence}"))
}

/// `folder` and those above it that do not exist yet, the innermost first.
fn missing(folder: &Path) -> Vec<PathBuf> {
    folder
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .map(Path::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{missing, name, refusal};

    #[test]
    fn names_are_taken_as_typed_or_refused() {
        for typed in ["shop", "my-service", "orders_api", "a1-b2"] {
            assert_eq!(name(typed).as_deref(), Ok(typed));
        }
        for typed in [
            "", "a--b", "a__b", "foo_", "-a", "../evil", "x/y", "Shop", "1a", "a-b_c", "\u{fc}",
            "a b",
        ] {
            assert!(name(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn refusals_are_one_sentence() {
        let output = "Error: Failed executing script: /tmp/x.rhai\n\nRuntime error: the name \"fn\" can't be used: fn is a \
             Rust keyword.\n  Allowed are lower-case letters (line 9, position 9)";
        let refused = refusal(output);
        assert_eq!(
            refused.as_deref(),
            Some("the name \"fn\" can't be used: fn is a Rust keyword.")
        );
        assert_eq!(refusal("error: could not compile"), None);
    }

    #[test]
    fn missing_folders_innermost_first() {
        let there = std::env::temp_dir();
        let (outer, inner) = (there.join("not-there"), there.join("not-there/either"));
        assert_eq!(missing(&inner), [inner.clone(), outer]);
        assert!(missing(&there).is_empty());
    }
}

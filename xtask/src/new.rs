//! `cargo xtask new`: generates a service from this checkout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, ensure};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, builder::PossibleValuesParser};
use e2e::generate::{self, Answers, QUESTIONS, Question};
use support::{command, paths, ui};

use crate::{answer_effect, refusal::Refusal, upgrade};

/// Arguments of `new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The service's name, in lower case with dashes.
    ///
    /// It is also the name of the package and the folder, and the default `service.name`.
    #[arg(value_parser = parse_name)]
    name: String,
    /// The folder in which the service's folder is created.
    #[arg(long, value_name = "DIR", default_value = ".")]
    destination: PathBuf,
    #[command(flatten)]
    answers: Flags,
    /// Further arguments of cargo-generate.
    #[arg(last = true, value_name = "ARGS")]
    extra: Vec<String>,
}

/// One flag for each question of the template.
#[derive(Debug)]
struct Flags(Answers);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        // The service always uses the library of this checkout, so the question `firstlight` has no flag.
        let asked = QUESTIONS
            .iter()
            .filter(|question| question.name != "firstlight");
        command.args(asked.map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut answers = Answers::default();
        for question in QUESTIONS.iter() {
            if let Ok(Some(answer)) = matches.try_get_one::<String>(&question.name) {
                answers = answers.with(&question.name, answer);
            }
        }
        Ok(Self(answers))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The flag of a question, such as `--worker` or `--store sqlite`.
fn flag(question: &'static Question) -> Arg {
    let mut flag = Arg::new(&*question.name)
        .long(&*question.name)
        .help(help(question))
        .value_name("ANSWER");
    if let Some(default) = question.default() {
        flag = flag.default_value(default);
    }
    if !question.choices.is_empty() {
        let choices = question.choices.iter().map(String::as_str);
        flag = flag.value_parser(PossibleValuesParser::new(choices));
    } else {
        flag = flag.value_parser(one_line);
    }
    if question.is_bool() {
        flag = flag
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true");
    }
    flag
}

/// The texts of a question, each with the default that depends on another answer.
fn help(question: &Question) -> String {
    let texts = question.variants.iter().map(|variant| {
        let prompt = &variant.prompt;
        match (&variant.condition, &variant.default) {
            (Some(condition), Some(default)) => {
                format!("{prompt} [default: {default} if {condition}]")
            }
            (Some(condition), None) => format!("{prompt} [if {condition}]"),
            (None, _) => prompt.clone(),
        }
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// Rejects answers that cargo-generate cannot read.
fn one_line(typed: &str) -> Result<String, String> {
    match typed.chars().any(char::is_control) {
        true => Err("found a line break or a control character, expected one line".to_owned()),
        false => Ok(typed.to_owned()),
    }
}

/// Rejects names that cargo-generate would change without an error.
///
/// cargo-generate would change `a--b` to `a-b`, and `../a` to `a`.
fn parse_name(typed: &str) -> Result<String, String> {
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
    let missing = missing_folders(&args.destination.join(&args.name));
    let made = make(args);
    if made.is_err() {
        // cargo-generate creates the folder before the template rejects an answer. Folders with files are kept.
        for folder in missing {
            let _ = fs::remove_dir(folder);
        }
    }
    let folder = made.map_err(|error| match Refusal::read(&format!("{error:#}")) {
        Some(refusal) => anyhow!(refusal.advised(option)),
        None => error,
    })?;
    ui::heading(&format!("{} is ready", args.name));
    if let Err(reason) = upgrade::commit_of(paths::root()) {
        ui::line(format!("  {}", ui::loud(without_commit(reason))));
    }
    let shown = command::quoted(&folder.display().to_string());
    ui::line(format!("  cd {shown} && cargo run"));
    ui::line(ui::quiet(format!(
        "  It uses the library at {}; replace that path in Cargo.toml by a version or a git URL before you share it.",
        paths::library().display()
    )));
    Ok(())
}

/// What follows if the commit of the template is not known.
fn without_commit(reason: &str) -> String {
    format!(
        "Its .firstlight.toml names no commit, because {reason}. So `cargo xtask upgrade` will look for the closest \
         commit of the history, and may not find the right one."
    )
}

/// What sets the answer to a question.
///
/// A [`flag`], or an argument of cargo-generate.
fn option(question: &str) -> String {
    match question {
        "firstlight" => "-- --define firstlight=...".to_owned(),
        question => format!("--{question} ..."),
    }
}

/// Checks that each flag has an effect.
fn check_flags(answers: &Answers) -> anyhow::Result<()> {
    answer_effect::check(
        &QUESTIONS,
        |name| Some(answers.get(name)).filter(|answer| !answer.is_empty()),
        |name| Some(answers.get(name).to_owned()),
        |name, answer| format!("--{name} {answer}"),
    )
}

fn make(args: &NewArgs) -> anyhow::Result<PathBuf> {
    check_flags(&args.answers.0)?;
    let folder = args.destination.join(&args.name);
    ensure!(
        !folder.exists(),
        "{} already exists; choose another name or --destination, or remove it.",
        folder.display()
    );
    fs::create_dir_all(&args.destination)
        .with_context(|| format!("cannot create {}", args.destination.display()))?;
    let mut extra = vec!["--define".to_owned()];
    match upgrade::commit_of(paths::root()) {
        Ok(commit) => extra.push(format!("template_commit={commit}")),
        Err(_) => extra.clear(),
    }
    extra.extend_from_slice(&args.extra);
    let service = generate::Service {
        name: &args.name,
        destination: &args.destination.canonicalize()?,
        answers: args.answers.0.clone(),
        extra: &extra,
    };
    service.generate()
}

/// `folder` and its ancestors that do not exist yet, the innermost first.
fn missing_folders(folder: &Path) -> Vec<PathBuf> {
    folder
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .map(Path::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Args as _, Command, FromArgMatches as _};

    use super::{Flags, QUESTIONS, check_flags, missing_folders, parse_name, without_commit};

    #[test]
    fn names_are_accepted_or_rejected() {
        for typed in ["shop", "my-service", "orders_api", "a1-b2"] {
            assert_eq!(parse_name(typed).as_deref(), Ok(typed));
        }
        for typed in [
            "", "a--b", "a__b", "foo_", "-a", "../evil", "x/y", "Shop", "1a", "a-b_c", "\u{fc}",
            "a b",
        ] {
            assert!(parse_name(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn each_question_has_a_flag() -> Result<(), clap::Error> {
        let parsed = |typed: &[&str]| {
            let command = Flags::augment_args(Command::new("new").arg(Arg::new("name")));
            let matches = command.try_get_matches_from([&["new"], typed].concat())?;
            Flags::from_arg_matches(&matches)
        };
        let Flags(answers) =
            parsed(&["--worker", "orders", "--store", "sqlite", "--grafana", "g"])?;
        assert!(answers.has("worker") && !answers.has("example"));
        assert_eq!(answers.get("store"), "sqlite");
        assert_eq!((answers.get("grafana"), answers.get("runbooks")), ("g", ""));
        assert!(parsed(&["--store", "mysql"]).is_err());
        let team = parsed(&["--team", "a\nb"]).err().map(|it| it.to_string());
        assert!(team.is_some_and(|it| it.contains("expected one line")));
        let Flags(without_effect) = parsed(&["--registry", "ghcr.io/acme"])?;
        let error = check_flags(&without_effect).err().map(|it| it.to_string());
        assert!(error.is_some_and(|it| it.contains("found deploy = \"compose\", expected")));
        assert!(check_flags(&answers).is_ok());
        assert!(parsed(&["--firstlight", "0.1"]).is_err());
        Ok(())
    }

    #[test]
    fn flags_have_every_text_of_a_question() {
        let mut command = Flags::augment_args(Command::new("new"));
        let help = command.render_help().to_string();
        for question in QUESTIONS
            .iter()
            .filter(|question| question.name != "firstlight")
        {
            for variant in &question.variants {
                assert!(help.contains(&variant.prompt), "{help}");
                let default = variant.default.as_deref().unwrap_or_default();
                assert!(help.contains(default), "no {default:?}:\n{help}");
            }
        }
    }

    #[test]
    fn a_missing_commit_is_explained() {
        let line = without_commit("template/ has changes");
        for needed in [
            "names no commit, because template/ has changes.",
            "cargo xtask upgrade",
        ] {
            assert!(line.contains(needed), "{line}");
        }
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn missing_folders_innermost_first() {
        let existing = std::env::temp_dir();
        let (outer, inner) = (
            existing.join("not-there"),
            existing.join("not-there/either"),
        );
        assert_eq!(missing_folders(&inner), [inner.clone(), outer]);
        assert!(missing_folders(&existing).is_empty());
    }
}

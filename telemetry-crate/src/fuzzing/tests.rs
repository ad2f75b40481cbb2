//! Short runs of the fuzz targets: all seeds, and inputs that are made from them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{fs, path::PathBuf};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    TARGETS,
    mutation::{mutated, mutations},
};

/// The number of inputs of a target; `FUZZ_ROUNDS` replaces it.
const ROUNDS: u32 = 2_000;

/// The same for the target `admin`, whose inputs each need a connection.
const ADMIN_ROUNDS: u32 = 300;

/// The seeds of a target with their names, which say what they are.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = folder.join("../xtask/fuzz/seeds").join(target);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = files
        .map(|file| {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            (name, fs::read(file.path()).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

fn run(target: &str) {
    let (_, check) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let seeds = seeds(target);
    for (name, seed) in &seeds {
        let is_passed = std::panic::catch_unwind(|| check(seed)).is_ok();
        assert!(is_passed, "the seed {target}/{name}");
    }
    let seeds: Vec<_> = seeds.into_iter().map(|(_, seed)| seed).collect();
    let rounds = crate::config::process_environment("FUZZ_ROUNDS");
    let usual = if target == "admin" {
        ADMIN_ROUNDS
    } else {
        ROUNDS
    };
    let config = Config {
        cases: rounds.map_or(usual, |rounds| rounds.parse().unwrap()),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    // The same inputs in each run, so that a failure belongs to the change that it appears with.
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    let input = (any::<Index>(), mutations())
        .prop_map(|(seed, mutations)| Shown(mutated(&seeds, seed, &mutations)));
    let result = runner.run(&input, |input| {
        check(&input.0);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{target}: {error}\nadd this input to xtask/fuzz/seeds/{target}");
    }
}

/// Bytes that are printed as a string literal.
struct Shown(Vec<u8>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

#[test]
fn admin_answers_any_bytes() {
    run("admin");
}

#[test]
fn client_address_is_that_of_the_proxies() {
    run("client_address");
}

#[test]
fn collector_may_answer_anything() {
    run("collector");
}

#[test]
fn environment_has_clear_messages() {
    run("environment");
}

#[test]
fn metrics_have_a_valid_exposition() {
    run("metrics");
}

#[test]
fn propagation_sends_valid_headers() {
    run("propagation");
}

#[test]
fn secrets_are_hidden_in_any_text() {
    run("secrets");
}

#[cfg(feature = "db")]
#[test]
fn sql_shows_no_values() {
    run("sql");
}

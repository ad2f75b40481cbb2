//! Two services in one cluster, beside the rules and dashboards for every service.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use support::{Cases, command, files, paths, tools};

use super::{
    applied::{of_platform, rendered},
    with_objectives,
};
use crate::generate::Answers;
use crate::template::combinations::{self, Generated};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    let names = "two services: no name or record twice";
    let objectives = "two services: each has only its own objectives";
    let Some(kubectl) = tools::on_path("kubectl") else {
        let reason = "install kubectl; no cluster is needed";
        cases.not_run(names, reason);
        return cases.not_run(objectives, reason);
    };
    let services = ["none", "postgres"].map(|store| service(generated, store));
    cases.check(names, || no_name_twice(&kubectl, &services));
    match tools::prometheus() {
        Ok(tools) => {
            cases.check(objectives, || {
                own_objectives(&kubectl, &services, &tools.promtool)
            });
        }
        Err(error) => cases.not_run(objectives, &format!("{error:#}")),
    }
}

/// A generated service, and its name.
struct Neighbor {
    source: PathBuf,
    name: String,
}

fn service(generated: &Generated, store: &str) -> Neighbor {
    let answers = Answers::least().with("store", store);
    Neighbor {
        source: generated.with_store(store, "kubernetes", "none"),
        name: combinations::name(&answers),
    }
}

impl Neighbor {
    /// The objects of a copy that uses all of `observability/`.
    ///
    /// It declares objectives, and has a dashboard.
    fn objects(&self, kubectl: &Path) -> anyhow::Result<Vec<Value>> {
        let copy = paths::fresh(&format!("template-neighbor-{}", self.name))?;
        files::write(&copy, &files::read(&self.source)?)?;
        let own = copy.join("observability");
        let edit = |name: &str, edit: &dyn Fn(&str) -> anyhow::Result<String>| {
            let text = fs::read_to_string(own.join(name))?;
            anyhow::Ok(fs::write(own.join(name), edit(&text)?)?)
        };
        edit("rules.yaml", &with_objectives)?;
        edit("kustomization.yaml", &|text| {
            let uncommented = |line: &str| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') || rest.starts_with("  ") => rest.to_owned(),
                _ => line.to_owned(),
            };
            Ok(text.lines().map(|line| uncommented(line) + "\n").collect())
        })?;
        fs::write(own.join(format!("dashboards/{}.json", self.name)), "{}")?;
        let objects = rendered(kubectl, &copy.join("deploy/kubernetes"))?;
        let boards = objects
            .iter()
            .filter(|object| object["kind"] == "ConfigMap");
        let boards = boards.map(|object| &object["metadata"]["labels"]["grafana_dashboard"]);
        ensure!(boards.eq(["1"]), "{}: expected one dashboard", self.name);
        Ok(objects)
    }
}

fn no_name_twice(kubectl: &Path, services: &[Neighbor; 2]) -> anyhow::Result<()> {
    let [one, other] = [services[0].objects(kubectl)?, services[1].objects(kubectl)?];
    let platform = of_platform(kubectl)?;
    check_names(&[&platform, &one, &other])?;
    for copied in [&one, &platform] {
        if check_names(&[&platform, copied, copied]).is_ok() {
            bail!("the check accepts objects that are there twice");
        }
    }
    Ok(())
}

/// Fails if a name is there twice.
///
/// Names are those of objects, files of dashboards, groups of rules, and recording rules.
fn check_names(all: &[&[Value]]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    let mut add = |what: &str, name: String| {
        ensure!(
            seen.insert(format!("{what} {name}")),
            "{what} {name} is there twice"
        );
        Ok(())
    };
    for object in all.iter().copied().flatten() {
        add(
            "object",
            format!("{} {}", object["kind"], object["metadata"]["name"]),
        )?;
        // Grafana's sidecar writes the files of all ConfigMaps into one folder.
        for file in object["data"]
            .as_object()
            .into_iter()
            .flat_map(|data| data.keys())
        {
            add("file", file.clone())?;
        }
        for group in groups(object) {
            add("group", group["name"].to_string())?;
            let rules = group["rules"].as_array().context("no rules")?;
            for rule in rules.iter().filter(|rule| !rule["record"].is_null()) {
                add("record", format!("{} {}", rule["record"], rule["labels"]))?;
            }
        }
    }
    Ok(())
}

fn groups(object: &Value) -> impl Iterator<Item = &Value> {
    object["spec"]["groups"].as_array().into_iter().flatten()
}

/// Loads all rules into one file, and tests the objectives of three services.
fn own_objectives(kubectl: &Path, services: &[Neighbor; 2], promtool: &Path) -> anyhow::Result<()> {
    let [one, other] = services;
    let mut objects = of_platform(kubectl)?;
    objects.extend(one.objects(kubectl)?);
    // The second service declares nothing.
    objects.extend(rendered(kubectl, &other.source.join("deploy/kubernetes"))?);
    let groups: Vec<_> = objects.iter().flat_map(groups).collect();
    let folder = paths::fresh("template-neighbors")?;
    // JSON is YAML.
    fs::write(
        folder.join("rules.yml"),
        json!({ "groups": groups }).to_string(),
    )?;
    let mut check = Command::new(promtool);
    check.args(["check", "rules", "--lint=all", "--lint-fatal"]);
    command::run_quietly(check.arg(folder.join("rules.yml")))?;
    let test = |objective_of_other: f64| {
        // The service declares its objective for the namespace that is the answer.
        let expected = [
            (&one.name, "default", 0.9995),
            (&one.name, "staging", 0.999),
            (&other.name, "default", objective_of_other),
        ];
        let labels =
            |name: &str, namespace: &str| format!("job=\"{name}\",namespace=\"{namespace}\"");
        let series = expected.map(|(name, namespace, _)| {
            let labels = labels(name, namespace);
            json!({ "series": format!("build_info{{{labels},firstlight_version=\"1\"}}"), "values": "1x30" })
        });
        let samples = expected.map(|(name, namespace, value)| {
            let labels = labels(name, namespace);
            json!({ "labels": format!("slo:availability:objective_ratio{{{labels}}}"), "value": value })
        });
        let expression = json!({
            "expr": "slo:availability:objective_ratio",
            "eval_time": "20m",
            "exp_samples": samples,
        });
        let test = json!({
            "rule_files": ["rules.yml"],
            "evaluation_interval": "1m",
            "tests": [{ "interval": "1m", "input_series": series, "promql_expr_test": [expression] }],
        });
        fs::write(folder.join("test.yml"), test.to_string())?;
        let mut run = Command::new(promtool);
        run.args(["test", "rules"]).arg(folder.join("test.yml"));
        command::run_quietly(&mut run)
    };
    test(0.999)?;
    if test(0.9995).is_ok() {
        bail!("promtool also accepts another objective");
    }
    Ok(())
}

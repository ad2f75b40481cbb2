//! The memory of a process near the limit of its control group.

use std::{fs, path::Path};

use super::has_caused;
use crate::support::{
    ask,
    explanation::{Explanation, wait},
    scenario::Scenario,
};

/// A control group, which only root can make.
struct Cgroup {
    /// The file of its limit on memory.
    limit: std::path::PathBuf,
}

impl Cgroup {
    fn new() -> Option<Self> {
        let name = format!("firstlight-explain-{}", std::process::id());
        for (root, file) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ] {
            let folder = Path::new(root).join(&name);
            if fs::create_dir(&folder).is_err() {
                continue;
            }
            let group = Self {
                limit: folder.join(file),
            };
            // A group has the file only if its parent has handed down the control of memory.
            if fs::write(&group.limit, (1_u64 << 32).to_string()).is_ok() {
                return Some(group);
            }
        }
        None
    }

    fn folder(&self) -> &Path {
        self.limit.parent().unwrap()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.folder());
    }
}

/// Whether this machine lets the test make a control group.
pub(super) fn is_allowed() -> bool {
    Cgroup::new().is_some()
}

pub(super) fn memory() {
    let group = Cgroup::new().unwrap();
    let folder = group.folder();
    let scenario = Scenario::start_in_cgroup(folder, "causes", &[("CAUSE", "nothing")]);
    let (mut scenario, admin) = has_caused(scenario);
    assert!(Explanation::of(admin).fine().contains(&"memory"));

    // The kernel does not accept a limit below the use of the group, which is less than the resident memory.
    let exposition = ask(admin, "GET /metrics").body;
    let resident = "process_resident_memory_bytes ";
    let resident = exposition
        .lines()
        .find_map(|line| line.strip_prefix(resident));
    let resident: f64 = resident.unwrap().parse().unwrap();
    fs::write(&group.limit, format!("{:.0}", resident * 1.05)).unwrap();
    let found = wait(admin, "memory", "the process uses 9");
    let sentence = " % of its memory limit, above which it is killed";
    assert!(found.sentence().ends_with(sentence), "{found:#?}");
    found.answer_of("/traces?open");
    found.runbook("ProcessMemoryNearLimit");
    scenario.end();
}

//! The memory limit of the process's control group.
//!
//! The kernel kills a process that exceeds the limit.
//!
//! The effective limit is the lowest one from the process's own group up to the root. Inside a container there is one
//! level, because the group appears as the root.
//!
//! The group's memory usage is not read: it includes the page cache, which the kernel reclaims before it kills a process.
//! Compare the limit with the process's resident memory instead.
//!
//! `procfs` knows the process's groups, and not their limits. The book's decision 26 has the reasons why no other library
//! reads them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use procfs::{ProcResult, ProcessCGroups, process::Process};

/// The conventional mount point of both versions of control groups.
const ROOT: &str = "/sys/fs/cgroup";

/// The value in bytes from which a limit counts as unlimited.
///
/// Version 1 expresses "unlimited" as the largest number of whole pages, which depends on the page size.
const UNLIMITED: u64 = 1 << 62;

/// The files that may hold a limit.
///
/// The files are found once, because a process seldom moves to another group. Their content is read at each scrape, because
/// Kubernetes can resize a pod in place.
#[derive(Debug, Default)]
pub(super) struct MemoryLimit(Vec<PathBuf>);

impl MemoryLimit {
    pub(super) fn new() -> Self {
        let groups = Process::myself().and_then(|process| process.cgroups());
        Self::find(Path::new(ROOT), groups)
    }

    fn find(root: &Path, groups: ProcResult<ProcessCGroups>) -> Self {
        let groups = groups.into_iter().flatten();
        let files = groups.flat_map(|group| {
            let path = &group.pathname;
            if group.controllers.iter().any(|name| name == "memory") {
                upwards(&root.join("memory"), path, "memory.limit_in_bytes")
            } else if group.hierarchy == 0 && group.controllers.is_empty() {
                // Version 2 has hierarchy 0 and no controllers.
                let mut files = upwards(root, path, "memory.max");
                files.extend(upwards(&root.join("unified"), path, "memory.max"));
                files
            } else {
                Vec::new()
            }
        });
        Self(files.filter(|file| file.is_file()).collect())
    }

    /// The limit in bytes, or `None` if there is none.
    pub(super) fn read(&self) -> Option<u64> {
        let limits = self.0.iter().filter_map(|file| {
            // A group without a limit has `max` here, which does not parse.
            fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
        });
        limits.filter(|limit| *limit < UNLIMITED).min()
    }
}

/// The path of `file` in each group from `path` up to the root.
fn upwards(root: &Path, path: &str, file: &str) -> Vec<PathBuf> {
    // A process whose group is outside the root of its cgroup namespace sees a path with `..`, which leads out of
    // the tree.
    let path = if path.contains("..") { "" } else { path };
    let group = root.join(path.trim_start_matches('/'));
    group
        .ancestors()
        .take_while(|group| group.starts_with(root))
        .map(|group| group.join(file))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use procfs::{FromBufRead as _, ProcessCGroups};

    use super::MemoryLimit;

    fn limit(tree: &Tree, groups: &str) -> Option<u64> {
        let groups = ProcessCGroups::from_buf_read(groups.as_bytes());
        MemoryLimit::find(&tree.0, groups).read()
    }

    /// A temporary tree of files.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root =
                std::env::temp_dir().join(format!("firstlight-{name}-{}", std::process::id()));
            for (file, text) in files {
                let file = root.join(file);
                fs::create_dir_all(file.parent().unwrap_or(Path::new("/"))).unwrap();
                fs::write(file, text).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn lowest_limit_up_to_the_root_wins() {
        let tree = Tree::new(
            "cgroup2",
            &[
                ("pods/memory.max", "1048576\n"),
                ("pods/mine/memory.max", "max\n"),
                ("pods/other/memory.max", "4096\n"),
            ],
        );
        let limit = |groups| limit(&tree, groups);
        assert_eq!(limit("0::/pods/mine\n"), Some(1_048_576));
        assert_eq!(limit("0::/\n"), None);
        assert_eq!(limit("0::/../outside\n"), None);
        assert_eq!(limit("nonsense"), None);
    }

    #[test]
    fn version_1_limits_are_read() {
        let tree = Tree::new(
            "cgroup1",
            &[
                ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ("memory/mine/memory.limit_in_bytes", "2097152\n"),
            ],
        );
        let limit = |groups| limit(&tree, groups);
        assert_eq!(
            limit("5:cpu:/mine\n4:memory:/mine\n0::/mine\n"),
            Some(2_097_152)
        );
        // Inside a container the path is the host's, and the root is the container's own group.
        assert_eq!(limit("4:memory:/docker/abc\n"), None);
    }
}

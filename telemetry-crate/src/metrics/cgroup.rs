//! The memory that the process may use before the kernel kills it: the limit of its control group.
//!
//! The limit that counts is the lowest on the way from the process's own group up to the root. Inside a container the way
//! is short, because its group looks like the root. What it leaves out: usage. The group's own counts the page cache,
//! which the kernel gives back before it kills; the process's resident memory is the number to compare.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where both versions are mounted by convention.
const ROOT: &str = "/sys/fs/cgroup";
/// Version 1 has no word for "unlimited": it is the largest number of whole pages, which depends on their size.
const UNLIMITED: u64 = 1 << 62;

/// The files that may hold a limit. Which ones is found once, for a process seldom moves; what they hold is read at each
/// scrape, for Kubernetes resizes pods in place.
#[derive(Debug, Default)]
pub(super) struct MemoryLimit(Vec<PathBuf>);

impl MemoryLimit {
    pub(super) fn new() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::find(Path::new(ROOT), &groups)
    }

    fn find(root: &Path, groups: &str) -> Self {
        let files = groups.lines().flat_map(|line| {
            // `hierarchy:controllers:path`; the hierarchy of version 2 is 0 and names no controllers.
            let mut parts = line.splitn(3, ':');
            let parts = (parts.next(), parts.next(), parts.next());
            let (Some(hierarchy), Some(controllers), Some(path)) = parts else {
                return Vec::new();
            };
            if controllers.split(',').any(|name| name == "memory") {
                upwards(&root.join("memory"), path, "memory.limit_in_bytes")
            } else if hierarchy == "0" && controllers.is_empty() {
                let mut files = upwards(root, path, "memory.max");
                files.extend(upwards(&root.join("unified"), path, "memory.max"));
                files
            } else {
                Vec::new()
            }
        });
        Self(files.filter(|file| file.is_file()).collect())
    }

    /// In bytes; `None` if nothing limits the process.
    pub(super) fn read(&self) -> Option<u64> {
        let limits = self.0.iter().filter_map(|file| {
            // `max` where there is none.
            fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
        });
        limits.filter(|limit| *limit < UNLIMITED).min()
    }
}

/// The file of each group from `path` up to the root.
fn upwards(root: &Path, path: &str, file: &str) -> Vec<PathBuf> {
    // A process that sees less than its own group is shown a way out of the tree.
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

    use super::MemoryLimit;

    /// A tree of files, gone with its end.
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
    fn the_lowest_limit_on_the_way_up_counts() {
        let tree = Tree::new(
            "cgroup2",
            &[
                ("pods/memory.max", "1048576\n"),
                ("pods/mine/memory.max", "max\n"),
                ("pods/other/memory.max", "4096\n"),
            ],
        );
        let limit = |groups| MemoryLimit::find(&tree.0, groups).read();
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
        let limit = |groups| MemoryLimit::find(&tree.0, groups).read();
        assert_eq!(
            limit("5:cpu:/mine\n4:memory:/mine\n0::/mine\n"),
            Some(2_097_152)
        );
        // The path is the host's, and the container is mounted at the root.
        assert_eq!(limit("4:memory:/docker/abc\n"), None);
    }
}

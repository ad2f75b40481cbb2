#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs::Permissions,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, symlink},
        net::UnixListener,
    },
    process::Command,
};

use super::*;
use crate::recorder::last_words::{
    codec,
    samples::{Folder, at, full, opened},
};

fn error(path: &Path) -> String {
    LastWordsFile::open(path).unwrap_err().to_string()
}

fn write(file: &mut LastWordsFile, words: &LastWords) {
    let (time, memory) = (words.heartbeat, words.memory);
    let mut payload = Vec::new();
    codec::encode(words, MAX_PAYLOAD, &mut payload);
    file.write(Beat { time, memory }, &payload).unwrap();
}

/// Makes a file with last words at the path.
fn left(path: &Path) -> LastWords {
    write(&mut opened(path).file, &full());
    full()
}

fn foreign_aside(path: &Path) -> Option<Refused> {
    Some(Refused::Foreign {
        path: path.to_owned(),
        aside: aside(path),
    })
}

fn torn(path: &Path, found: &'static str) -> Option<Refused> {
    let path = path.to_owned();
    Some(Refused::Torn { path, found })
}

#[test]
fn new_file_has_its_size_and_mode() {
    let folder = Folder::new("new");
    let path = folder.path("last");
    let opened = opened(&path);
    assert_eq!((opened.previous, opened.refused), (None, None));
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.len(), FILE_SIZE);
    assert_eq!(metadata.mode() & 0o777, 0o600);
    // The space is taken, so that a later write does not need any.
    assert!(metadata.blocks() * 512 >= FILE_SIZE, "{metadata:?}");
}

#[test]
fn next_open_reads_what_was_written() {
    let folder = Folder::new("next");
    let path = folder.path("last");
    let words = left(&path);
    for generation in 2..5 {
        let Opened {
            mut file,
            previous,
            refused,
        } = opened(&path);
        assert_eq!((previous, refused), (Some(words.clone()), None));
        write(&mut file, &words);
        assert_eq!(file.generation, generation);
    }
}

#[test]
fn heartbeat_and_memory_are_updated() {
    let folder = Folder::new("beat");
    let path = folder.path("last");
    let mut file = opened(&path).file;
    write(&mut file, &full());
    for seconds in 101..104 {
        let (time, memory) = (at(seconds), None);
        file.beat(Beat { time, memory }).unwrap();
    }
    drop(file);
    let previous = opened(&path).previous.unwrap();
    assert_eq!((previous.heartbeat, previous.memory), (at(103), None));
}

#[test]
fn open_file_is_locked() {
    let folder = Folder::new("lock");
    let path = folder.path("last");
    let mut file = opened(&path).file;
    assert!(error(&path).contains("in use by another process; name another path"));
    write(&mut file, &full());
    assert!(error(&path).contains("(pid 7 wrote it last)"));
    drop(file);
    assert!(opened(&path).previous.is_some());
}

#[test]
fn link_is_not_followed() {
    let folder = Folder::new("link");
    let (path, target) = (folder.path("last"), folder.path("target"));
    fs::write(&target, "text").unwrap();
    symlink(&target, &path).unwrap();
    assert!(error(&path).contains("is a symbolic link, expected a regular file"));
    fs::remove_file(&target).unwrap();
    assert!(error(&path).contains("is a symbolic link"));
    assert!(!target.exists());
}

#[test]
fn only_a_regular_file_is_opened() {
    let folder = Folder::new("kinds");
    let path = folder.path("folder");
    fs::create_dir(&path).unwrap();
    assert!(error(&path).contains("is a directory"));
    let path = folder.path("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    assert!(error(&path).contains("is a socket"));
    let path = folder.path("fifo");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    assert!(error(&path).contains("is a FIFO"));
    assert!(error(Path::new("/dev/null")).contains("is a device"));
}

/// The FIFO and the link replace the file after its kind was checked.
#[test]
fn replaced_file_does_not_block_the_open() {
    let folder = Folder::new("race");
    let (fifo, link) = (folder.path("fifo"), folder.path("link"));
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    symlink(&fifo, &link).unwrap();
    let opened = platform::open_existing(&fifo).unwrap();
    assert!(!opened.metadata().unwrap().is_file());
    assert!(platform::open_existing(&link).is_err());
}

#[test]
fn foreign_file_is_moved_aside() {
    let folder = Folder::new("foreign");
    let path = folder.path("orders.toml");
    fs::write(&path, "key = 1\n").unwrap();
    let first = opened(&path);
    assert_eq!(first.previous, None);
    assert_eq!(first.refused, foreign_aside(&path));
    drop(first);
    assert_eq!(fs::read(aside(&path)).unwrap(), b"key = 1\n");
    let second = opened(&path);
    assert_ne!(second.refused, foreign_aside(&path));
}

#[test]
fn second_foreign_file_is_left_alone() {
    let folder = Folder::new("foreign-twice");
    let path = folder.path("last");
    fs::write(&path, "the second").unwrap();
    fs::write(aside(&path), "the first").unwrap();
    let error = error(&path);
    assert!(
        error.contains("is not a file of firstlight, and cannot be moved to"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), b"the second");
    assert_eq!(fs::read(aside(&path)).unwrap(), b"the first");
}

#[test]
fn torn_file_is_replaced() {
    let folder = Folder::new("torn");
    let path = folder.path("last");
    left(&path);
    let file = File::options().write(true).open(&path).unwrap();
    platform::write_at(&file, &[1; 100], 4096).unwrap();
    platform::write_at(&file, &[1; 100], 4096 + 62 * 1024).unwrap();
    let refused = opened(&path).refused;
    assert_eq!(refused, torn(&path, "none of its two areas is whole"));
    for content in [vec![0; 10], vec![0; FILE_SIZE as usize]] {
        fs::write(&path, content).unwrap();
        assert_eq!(opened(&path).refused, torn(&path, "it has only zeros"));
        assert_eq!(fs::metadata(&path).unwrap().len(), FILE_SIZE);
    }
    let words = left(&path);
    assert_eq!(opened(&path).previous, Some(words));
    assert!(!aside(&path).exists());
}

#[test]
fn empty_file_is_new() {
    let folder = Folder::new("empty");
    let path = folder.path("last");
    fs::write(&path, "").unwrap();
    assert_eq!(opened(&path).refused, None);
    assert_eq!(fs::metadata(&path).unwrap().len(), FILE_SIZE);
}

#[test]
fn file_of_another_version_is_replaced() {
    let folder = Folder::new("version");
    let path = folder.path("last");
    left(&path);
    let file = File::options().write(true).open(&path).unwrap();
    platform::write_at(&file, &[2], 16).unwrap();
    let opened = opened(&path);
    assert_eq!(opened.previous, None);
    let refused = opened.refused.unwrap().to_string();
    assert!(refused.contains("format 2 of another version"), "{refused}");
    drop(opened.file);
    let words = left(&path);
    assert_eq!(self::opened(&path).previous, Some(words));
}

#[test]
fn other_sizes_are_corrected() {
    let folder = Folder::new("size");
    let path = folder.path("last");
    // Generation 1 is in the second area, which begins after 67,584 bytes.
    for size in [FILE_SIZE - 1, FILE_SIZE + 1, 70_000, 10 * FILE_SIZE] {
        let words = left(&path);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(size).unwrap();
        assert_eq!(opened(&path).previous, Some(words), "{size}");
        assert_eq!(fs::metadata(&path).unwrap().len(), FILE_SIZE);
        fs::remove_file(&path).unwrap();
    }
    left(&path);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(20).unwrap();
    assert_eq!(opened(&path).refused, torn(&path, "its header is damaged"));
}

#[test]
fn mode_becomes_private() {
    let folder = Folder::new("mode");
    let path = folder.path("last");
    left(&path);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    opened(&path);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

/// Only root may give files away, so other users test nothing.
#[test]
fn file_of_another_user_is_refused() {
    let folder = Folder::new("owner");
    let path = folder.path("last");
    left(&path);
    if chown(&path, Some(12345), None).is_err() {
        return;
    }
    let error = error(&path);
    assert!(
        error.contains("belongs to the user 12345, expected 0"),
        "{error}"
    );
    assert_eq!(fs::metadata(&path).unwrap().uid(), 12345);
}

#[test]
fn missing_folder_is_an_error() {
    let folder = Folder::new("missing");
    let error = error(&folder.path("no/last"));
    assert!(error.contains("cannot open"), "{error}");
    assert!(error.contains("in a folder that exists"), "{error}");
}

#[test]
fn moved_file_is_noticed() {
    let folder = Folder::new("moved");
    let path = folder.path("last");
    let mut file = opened(&path).file;
    assert!(file.is_in_place());
    fs::rename(&path, folder.path("elsewhere")).unwrap();
    assert!(!file.is_in_place());
    // The moved file is still written.
    write(&mut file, &full());
    let other = opened(&path).file;
    assert!(other.is_in_place() && !file.is_in_place());
    drop(file);
    let moved = opened(&folder.path("elsewhere"));
    assert_eq!(moved.previous, Some(full()));
}

#[test]
fn failed_write_keeps_the_newest_area() {
    let folder = Folder::new("failed");
    let path = folder.path("last");
    left(&path);
    let Opened { mut file, .. } = opened(&path);
    // A file that was opened for reading only fails as a broken disk does.
    let writable = std::mem::replace(&mut file.file, File::open(&path).unwrap());
    let beat = Beat {
        time: at(200),
        memory: None,
    };
    assert!(file.write(beat, b"lost").is_err());
    assert!(file.beat(beat).is_err());
    let too_long = vec![0; MAX_PAYLOAD + 1];
    file.file = writable;
    assert!(file.write(beat, &too_long).is_err());
    write(&mut file, &full());
    assert_eq!(file.generation, 2);
    drop(file);
    assert_eq!(opened(&path).previous, Some(full()));
}

/// A file system that can be mounted by root only, so other users test nothing.
struct Mounted(PathBuf);

impl Mounted {
    fn new(path: &Path, options: &str) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path);
        let is_mounted = mount.output().is_ok_and(|done| done.status.success());
        is_mounted.then(|| Self(path.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn full_disk_is_an_error() {
    let folder = Folder::new("full");
    let Some(mounted) = Mounted::new(&folder.path("disk"), "size=64k") else {
        return;
    };
    let path = mounted.0.join("last");
    let error = error(&path);
    assert!(error.contains("no space for the 131072 bytes"), "{error}");
    assert!(!path.exists());
}

#[test]
fn read_only_disk_is_an_error() {
    let folder = Folder::new("read-only");
    let Some(mounted) = Mounted::new(&folder.path("disk"), "ro") else {
        return;
    };
    let error = error(&mounted.0.join("last"));
    assert!(error.contains("on a read-only file system"), "{error}");
}

//! Tests of an upgrade that a signal ends.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

#[test]
fn signals_and_next_runs_remove_folders() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interrupted");
    let (temp, bin) = (folder.join("temp"), folder.join("bin"));
    let _ = fs::remove_dir_all(&folder);
    let ended = Command::new("true").spawn().unwrap();
    let left = temp.join(format!("firstlight-upgrade-{}", ended.id()));
    assert!(ended.wait_with_output().unwrap().status.success());
    fs::create_dir_all(left.join("rendered")).unwrap();
    // A git that takes long.
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("git"), "#!/bin/sh\nexec /bin/sleep 3\n").unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();

    let mut upgrade = Command::new(env!("CARGO_BIN_EXE_xtask"));
    upgrade.args(["upgrade", "/no/such/service"]);
    let mut running = upgrade
        .env("TMPDIR", &temp)
        .env("PATH", &bin)
        .spawn()
        .unwrap();
    let own = temp.join(format!("firstlight-upgrade-{}", running.id()));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !own.exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(own.exists() && !left.exists());
    let id = running.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status();
    assert!(sent.unwrap().success());
    assert_eq!(running.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
}

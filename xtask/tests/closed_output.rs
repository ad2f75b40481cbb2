//! Tests of commands with a closed output, as with `2>&1 | head -1`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

#[test]
fn closed_output_changes_no_status() {
    for (arguments, status) in [
        (&["test", "--list"][..], 0),
        (&["tag", "v999.0.0"], 1),
        (&["upgrade", "/no/such/folder"], 1),
        (&["new", "No-Name"], 2),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.args(arguments).stdout(writer.try_clone().unwrap());
        let ended = xtask.stderr(writer).status().unwrap();
        assert_eq!(ended.code(), Some(status), "{arguments:?}");
    }
}

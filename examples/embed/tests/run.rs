//! Runs the example as a user does.

use std::process::Command;

#[test]
fn the_program_lists_the_modules_and_gets_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_embed")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "1 bf\n2 search\n\
         200 {\"module_name\":\"search\",\"semantic_version\":\"7.99.91\",\"uid\":\"2\"}\n"
    );
}

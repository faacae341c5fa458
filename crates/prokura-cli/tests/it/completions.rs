//! Completions and help.

use crate::support::run;

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let text = run(&["completions", shell]).ended(0).out;
        assert!(text.contains("prokura") && text.contains("off-board"), "{shell}: {text}");
    }
}

#[test]
fn every_command_has_help() {
    let commands = [
        "demo",
        "serve",
        "apply",
        "schema",
        "relationship",
        "attribute",
        "principal",
        "task",
        "delegate",
        "revoke",
        "delegation",
        "request",
        "pending",
        "approve",
        "refuse",
        "access",
        "check",
        "decide",
        "explain",
        "resources",
        "subjects",
        "permissions",
        "expand",
        "watch",
        "test",
        "import",
        "decision",
        "tenant",
        "key",
        "openapi",
        "bench",
        "completions",
    ];
    for command in commands {
        let help = run(&[command, "--help"]).ended(0).out;
        assert!(help.contains("Usage: prokura"), "{command}: {help}");
    }
}

#[test]
fn commands_that_ask_no_server_do_not_speak_of_one() {
    for (command, speaks) in
        [("serve", false), ("demo", false), ("completions", false), ("test", false), ("decide", true), ("watch", true)]
    {
        let help = run(&[command, "--help"]).ended(0).out;
        assert_eq!(help.contains("PROKURA_SERVER"), speaks, "{command}: {help}");
        assert!(help.contains("--json"), "{command}: {help}");
    }
    // They are taken all the same, wherever they stand.
    for args in [["--tenant", "other", "completions", "bash"], ["completions", "bash", "--tenant", "other"]] {
        run(&args).ended(0);
    }
}

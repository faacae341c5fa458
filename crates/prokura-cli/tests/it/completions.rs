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
        "check",
        "decide",
        "explain",
        "decision",
        "tenant",
        "key",
        "openapi",
        "completions",
    ];
    for command in commands {
        let help = run(&[command, "--help"]).ended(0).out;
        assert!(help.contains("Usage: prokura"), "{command}: {help}");
    }
}

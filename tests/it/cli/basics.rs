//! Help, versions, and command lines that cannot be understood.

use super::run::{command, folder, outcome, zdm};

#[test]
fn help_is_a_result() {
    let here = folder(&[]);
    let long = zdm(here.path(), &["--help"]).quiet(0);
    assert!(long.contains("expand, migrate and contract"), "{long}");
    assert!(long.contains("Exit codes: 0 done"), "{long}");
    let of_command = zdm(here.path(), &["explain", "--help"]).quiet(0);
    assert!(of_command.contains("Show a rule's page"), "{of_command}");
    let version = zdm(here.path(), &["--version"]).quiet(0);
    assert_eq!(version, format!("zdm {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_line_that_cannot_be_understood_exits_with_2() {
    let here = folder(&[]);
    for arguments in [
        &["bogus"][..],
        &[],
        &["explain", "--bogus"],
        &["explain", "--format", "xml"],
        &["explain", "--list", "constraint-scan"],
    ] {
        let said = zdm(here.path(), arguments).refusal(2);
        assert!(said.contains("--help"), "{arguments:?}: {said}");
    }
}

#[test]
fn with_format_json_a_usage_error_is_an_object() {
    let here = folder(&[]);
    let said = zdm(here.path(), &["explain", "--format", "json", "--bogus"]).quiet(2);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["version"], 1);
    assert_eq!(said["error"]["code"], "usage");
    assert_eq!(said["error"]["database_state"], "unchanged");
}

#[test]
fn colour_comes_only_when_it_is_wanted() {
    let here = folder(&[]);
    let coloured = |set: &[(&str, &str)]| {
        let mut command = command(here.path(), &["explain", "constraint-scan"]);
        command.envs(set.iter().copied());
        outcome(command).quiet(0).contains('\u{1b}')
    };
    assert!(!coloured(&[]), "a pipe is not a terminal");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
}

//! The pages on CI and on other tools, run as they stand: the files that they show, then the
//! commands, which must end as the page says.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::run::folder;

/// A fenced block of a page.
struct Block<'a> {
    /// The heading above it.
    section: &'a str,
    /// The file it is, when the line before it names one.
    file: Option<&'a str>,
    /// The word behind the fence.
    kind: &'a str,
    text: String,
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/guide")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let (mut section, mut file) = ("", None);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading;
        } else if let Some(path) = line.strip_prefix('`').and_then(|l| l.strip_suffix("`:")) {
            file = Some(path);
        } else if let Some(kind) = line.strip_prefix("```") {
            let text: String = lines
                .by_ref()
                .take_while(|line| *line != "```")
                .map(|line| format!("{line}\n"))
                .collect();
            found.push(Block {
                section,
                file: file.take(),
                kind,
                text,
            });
        }
    }
    found
}

/// Runs a line of a shell with the built zdm; gives the exit code and all that was said.
fn shell(folder: &Path, line: &str) -> (i32, String) {
    let bin = Path::new(env!("CARGO_BIN_EXE_zdm")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("PATH", path);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") || text == "DATABASE_URL" {
            command.env_remove(&name);
        }
    }
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().expect("it was not killed"),
        String::from_utf8(said).unwrap(),
    )
}

/// `command   # exits with 1: words` or `# says: words`; without either it must end with 0.
fn check(folder: &Path, line: &str) {
    let (command, comment) = line.split_once(" # ").unwrap_or((line, ""));
    let (code, said) = shell(folder, command);
    let (wanted, words) = match comment.split_once(": ") {
        Some(("exits with 1", words)) => (1, words),
        Some(("says", words)) => (0, words),
        _ => (0, ""),
    };
    assert_eq!(code, wanted, "{line}\n{said}");
    assert!(said.contains(words), "no `{words}` from {line}:\n{said}");
}

#[test]
fn the_examples_beside_other_tools_do_what_they_say() {
    let tools = run_sections(&page("tools.md"));
    assert_eq!(
        tools,
        ["sqlx", "Prisma", "diesel", "Flyway", "Django", "Rails"]
    );
}

#[test]
fn the_examples_of_a_projects_own_rules_do_what_they_say() {
    let sections = run_sections(&page("custom-rules.md"));
    assert_eq!(
        sections,
        [
            "Names",
            "Types",
            "Columns that every table has",
            "Statements",
            "Constraints"
        ]
    );
}

/// Runs every section of a page in a folder of its own: its files, then its commands.
fn run_sections(page: &str) -> Vec<String> {
    let blocks = blocks(page);
    let mut sections: Vec<&str> = blocks.iter().map(|block| block.section).collect();
    sections.dedup();
    for section in &sections {
        let of_section = || blocks.iter().filter(|block| block.section == *section);
        let files: Vec<(&str, &str)> = of_section()
            .filter_map(|block| Some((block.file?, block.text.as_str())))
            .collect();
        let here = folder(&files);
        let commands: Vec<&str> = of_section()
            .filter(|block| block.kind == "sh")
            .flat_map(|block| block.text.lines())
            .collect();
        assert!(!files.is_empty() && !commands.is_empty(), "{section}");
        for command in commands {
            check(here.path(), command);
        }
    }
    sections.into_iter().map(str::to_owned).collect()
}

/// Every command of zdm on the page, with the variables of the servers as they would be.
fn commands(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for block in blocks(page) {
        let mut lines = block.text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(command) = line.trim_start().strip_prefix("zdm ") else {
                continue;
            };
            let mut command = format!("zdm {command}");
            // A folded text of YAML: lines of the same depth belong together.
            let depth = |line: &str| line.len() - line.trim_start().len();
            while depth(line) > 0 && lines.peek().is_some_and(|next| depth(next) == depth(line)) {
                command = format!("{command} {}", lines.next().unwrap().trim());
            }
            for variable in [
                "${{ github.base_ref }}",
                "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
            ] {
                command = command.replace(variable, "main");
            }
            found.push(command);
        }
    }
    found
}

#[test]
fn what_is_to_be_copied_into_ci_runs() {
    let page = page("ci.md");
    let here = folder(&[(
        "migrations/0001_init.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n",
    )]);
    std::fs::remove_dir(here.path().join(".git")).unwrap();
    let git = "git -c user.name=A -c user.email=a@example.com";
    for line in [
        "git init -q -b work .",
        "git add .",
        &format!("{git} commit -q -m Released"),
        "git update-ref refs/remotes/origin/main HEAD",
    ] {
        assert_eq!(shell(here.path(), line).0, 0, "{line}");
    }
    std::fs::write(
        here.path().join("migrations/0002_index.sql"),
        "CREATE INDEX users_email_idx ON users (email);\n",
    )
    .unwrap();
    let (mut run, mut found_something) = (0, 0);
    for command in commands(&page) {
        // The only one that needs a database; a live test runs it.
        if command.contains("$PRODUCTION_URL") {
            continue;
        }
        let (code, said) = shell(here.path(), &command);
        assert!(code <= 1, "{command}\n{said}");
        run += 1;
        found_something += code;
        for file in ["zdm.sarif", "gl-code-quality.json"] {
            if let Ok(text) = std::fs::read_to_string(here.path().join(file)) {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert!(text.contains("index-not-concurrent"), "{command}: {value}");
            }
        }
    }
    assert_eq!(
        (run, found_something),
        (6, 3),
        "the page has other commands now"
    );
    for file in [
        "zdm.sarif",
        "zdm.md",
        "gl-code-quality.json",
        "zdm.xml",
        "zdm-baseline.json",
    ] {
        assert!(here.path().join(file).exists(), "{file}");
    }
}

#[test]
fn the_hooks_of_the_page_are_those_of_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hooks = std::fs::read_to_string(root.join(".pre-commit-hooks.yaml")).unwrap();
    let offered: Vec<&str> = hooks
        .lines()
        .filter_map(|line| line.strip_prefix("- id: "))
        .collect();
    assert_eq!(offered, ["zdm-lint", "zdm-lint-system"]);
    assert_eq!(hooks.matches("  entry: zdm lint\n").count(), 2);
    let page = page("ci.md");
    for used in page
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- id: "))
    {
        assert!(offered.contains(&used), "{used}");
    }
    // What pre-commit does: the changed files as arguments.
    let here = folder(&[
        (
            "migrations/0001_init.sql",
            "CREATE TABLE users (id bigint);\n",
        ),
        ("migrations/0002_index.sql", "CREATE INDEX ON users (id);\n"),
        ("migrations/0003_more.sql", "SELECT 1;\n"),
    ]);
    let line = "zdm lint migrations/0003_more.sql migrations/0002_index.sql";
    let (code, said) = shell(here.path(), line);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("in 2 files."), "{said}");
}

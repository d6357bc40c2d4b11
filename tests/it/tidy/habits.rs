//! How files are named, how they begin, how long they are, and that nothing in them waits.

use super::source::File;

/// The longest a file may be, in lines. Most have 100 to 400.
const LONGEST: usize = 700;

/// What marks work that is not done. Written in two halves, so that this file does not hold it.
const LEFTOVERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("#[", "ignore"),
];

/// Complaints about names, beginnings and lengths.
pub(super) fn check_files(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for File { path, text } in files {
        if path.ends_with("/mod.rs") {
            let better = path.replace("/mod.rs", ".rs");
            complaints.push(format!("{path}: name it {better}"));
        }
        if path.starts_with("src/") && !text.starts_with("//!") {
            complaints.push(format!(
                "{path}: does not begin with a `//!` that says what it is"
            ));
        }
        let lines = text.lines().count();
        if lines > LONGEST {
            complaints.push(format!(
                "{path}: has {lines} lines; split it (at most {LONGEST})"
            ));
        }
    }
    complaints
}

/// Complaints about marks of work that is not done, and about tests that are switched off.
pub(super) fn check_leftovers(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for File { path, text } in files {
        for (number, line) in text.lines().enumerate() {
            for word in LEFTOVERS.iter().filter(|word| line.contains(**word)) {
                complaints.push(format!("{path}:{}: `{word}`", number + 1));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mod_rs_and_a_missing_introduction_and_a_long_file_are_noticed() {
        let good = "//! What it is.\n";
        let count = |path, text: &str| check_files(&[File::new(path, text)]).len();
        assert_eq!(count("src/plan.rs", good), 0);
        assert_eq!(count("src/plan/mod.rs", good), 1);
        assert_eq!(count("tests/it/support/mod.rs", good), 1);
        assert_eq!(count("src/plan.rs", "use x;\n//! Late."), 1);
        assert_eq!(count("tests/it/main.rs", "mod x;"), 0);
        assert_eq!(count("src/plan.rs", &good.repeat(LONGEST)), 0);
        assert_eq!(count("src/plan.rs", &good.repeat(LONGEST + 1)), 1);
    }

    #[test]
    fn every_mark_of_unfinished_work_is_noticed() {
        for word in LEFTOVERS {
            let text = format!("fine\n // {word} later");
            let complaints = check_leftovers(&[File::new("src/x.rs", &text)]);
            assert_eq!(complaints, [format!("src/x.rs:2: `{word}`")]);
        }
    }
}

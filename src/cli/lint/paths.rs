//! Paths with `*`, `?`, `[…]` and `**`, where the shell has not resolved them.

use std::path::{Path, PathBuf};

use crate::cli::{CliError, ErrorCode};

/// Every path that is meant: a pattern stands for the `.sql` files it fits, in order of name.
pub(super) fn expand(paths: &[String]) -> Result<Vec<String>, CliError> {
    let mut found = Vec::new();
    for path in paths {
        if path == "-" || !path.contains(['*', '?', '[']) || Path::new(path).exists() {
            found.push(path.clone());
            continue;
        }
        let matches = matching(path);
        if matches.is_empty() {
            return Err(
                CliError::new(ErrorCode::Migrations, format!("no .sql file fits {path}"))
                    .with_hint("`*` stays within a folder; `**` goes below it."),
            );
        }
        found.extend(matches);
    }
    Ok(found)
}

fn matching(pattern: &str) -> Vec<String> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let fixed = parts
        .iter()
        .take(parts.len() - 1)
        .take_while(|part| !part.contains(['*', '?', '[']))
        .count();
    let start = parts[..fixed].join("/");
    let start = match start.as_str() {
        "" if fixed > 0 => "/",
        "" => ".",
        other => other,
    };
    let mut found = Vec::new();
    walk(Path::new(start), &parts[fixed..], &mut found);
    let mut found: Vec<String> = found
        .into_iter()
        .map(|path| {
            let text = path.to_string_lossy().replace('\\', "/");
            text.strip_prefix("./").unwrap_or(&text).to_owned()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn walk(folder: &Path, parts: &[&str], found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else {
        return;
    };
    if *part == "**" {
        walk(folder, rest, found);
    }
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        if *part == "**" {
            if path.is_dir() {
                walk(&path, parts, found);
            }
        } else if fits(part, &name) {
            if !rest.is_empty() && path.is_dir() {
                walk(&path, rest, found);
            } else if rest.is_empty() && path.is_file() && is_sql(&path) {
                found.push(path);
            }
        }
    }
}

fn is_sql(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// Whether a name fits a pattern without `/`. Goes back to the last `*` only, so it takes at most
/// the product of both lengths.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(next) = one(&pattern, p, name[n]) {
            p = next;
            n += 1;
        } else if let Some((at, eaten)) = star {
            star = Some((at, eaten + 1));
            p = at + 1;
            n = eaten + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The place behind the part of the pattern that fits one character.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => {
            let close = at + 2 + pattern.get(at + 2..)?.iter().position(|c| *c == ']')?;
            let negated = matches!(pattern[at + 1], '!' | '^');
            let class = &pattern[at + 1 + usize::from(negated)..close];
            let within = class.iter().enumerate().any(|(i, start)| {
                *start == c
                    || class.get(i + 1) == Some(&'-')
                        && class
                            .get(i + 2)
                            .is_some_and(|end| (*start..=*end).contains(&c))
            });
            (within != negated).then_some(close + 1)
        }
        other => (*other == c).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, name, fit) in [
            ("*.sql", "a.sql", true),
            ("*.sql", "a.sqlx", false),
            ("00?_*.sql", "002_a.sql", true),
            ("00?_*.sql", "0022_a.sql", false),
            ("[0-4]*", "3x", true),
            ("[!0-4]*", "3x", false),
            ("[]]", "]", true),
            ("[", "[", false),
            ("*a*b", "xaxxbxb", true),
            ("**", "", true),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    #[test]
    fn two_stars_go_below_and_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/1.sql", "a/b/2.sql", "a/b/c/3.sql", "a/b/x.txt"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let of = |pattern: &str| {
            let base = folder.path().to_string_lossy().into_owned();
            let found = matching(&format!("{base}/{pattern}"));
            let cut = base.len() + 1;
            found
                .iter()
                .map(|path| path[cut..].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("a/*"), ["a/1.sql"]);
        assert_eq!(of("*/b/*.sql"), ["a/b/2.sql"]);
        assert_eq!(of("a/**/*.sql"), ["a/1.sql", "a/b/2.sql", "a/b/c/3.sql"]);
    }
}

//! Which files a rule looks at: globs, and those behind `!` left out.

/// Whether a file is among the paths: one of the globs fits, and none behind `!`. With nothing
/// but the latter, every other file is.
pub(super) fn matches(paths: &[String], file: &str) -> bool {
    let file = file.strip_prefix("./").unwrap_or(file);
    let (out, within): (Vec<&String>, Vec<&String>) =
        paths.iter().partition(|path| path.starts_with('!'));
    let fits = |path: &str| {
        let path = path.strip_prefix("./").unwrap_or(path);
        // A relative glob fits the end of a path too, and a folder what is in it.
        let parts: Vec<&str> = file.split('/').collect();
        let glob: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        (0..parts.len()).any(|from| {
            fits_parts(&glob, &parts[from..])
                || (from + 1..parts.len()).any(|to| fits_parts(&glob, &parts[from..to]))
        })
    };
    (within.is_empty() || within.iter().any(|path| fits(path)))
        && !out.iter().any(|path| fits(&path[1..]))
}

fn fits_parts(glob: &[&str], parts: &[&str]) -> bool {
    match (glob.split_first(), parts.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            (0..=parts.len()).any(|skipped| fits_parts(rest, &parts[skipped..]))
        }
        (Some((glob, globs)), Some((part, parts))) => {
            fits_name(glob.as_bytes(), part.as_bytes()) && fits_parts(globs, parts)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// `*` is any run of characters, `?` one.
fn fits_name(glob: &[u8], name: &[u8]) -> bool {
    // Where the last `*` was, and what it has taken so far: one point to go back to is enough.
    let (mut g, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if g < glob.len() && glob[g] == b'*' {
            star = Some((g, n));
            g += 1;
        } else if g < glob.len() && (glob[g] == b'?' || glob[g] == name[n]) {
            g += 1;
            n += 1;
        } else if let Some((at, taken)) = star {
            g = at + 1;
            n = taken + 1;
            star = Some((at, taken + 1));
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_name_files_and_folders() {
        let fits = |paths: &[&str], file: &str| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            matches(&paths, file)
        };
        assert!(fits(&["migrations/*.sql"], "migrations/0001_a.sql"));
        assert!(fits(&["migrations"], "db/migrations/0001/up.sql"));
        assert!(fits(&["**/up.sql"], "db/migrations/0001/up.sql"));
        assert!(!fits(&["other/*.sql"], "migrations/0001_a.sql"));
        assert!(!fits(&["!migrations/000?_*.sql"], "migrations/0001_a.sql"));
        assert!(fits(&["!migrations/000?_*.sql"], "migrations/0100_a.sql"));
        assert!(!fits(
            &["migrations", "!**/*_seed.sql"],
            "migrations/0002_seed.sql"
        ));
    }
}

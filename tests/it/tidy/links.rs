//! Relative links in the documentation lead to files that exist.

use pulldown_cmark::{Event, Parser, Tag};

use super::source::File;

/// Complaints about links to files that `exists` does not know; it gets a path relative to the
/// package.
pub(super) fn check(documents: &[File], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    for File { path, text } in documents {
        for event in Parser::new(text) {
            let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event
            else {
                continue;
            };
            let target = dest_url.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            match resolve(path, target) {
                Some(target) if exists(&target) => {}
                _ => complaints.push(format!("{path}: the link to {dest_url} leads nowhere")),
            }
        }
    }
    complaints
}

/// The path of a link's target, relative to the package; nothing if it leads out of it.
fn resolve(document: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        check(&[File::new(path, text)], |target| {
            target == "docs/guide/start.md"
        })
    }

    #[test]
    fn a_link_to_nothing_is_noticed() {
        assert_eq!(
            complaints("README.md", "See [it](docs/guide/gone.md).").len(),
            1
        );
        assert_eq!(
            complaints("docs/guide/a.md", "See [it](../start.md#x).").len(),
            1
        );
        assert_eq!(
            complaints("README.md", "See [it](../elsewhere.md).").len(),
            1
        );
        assert_eq!(
            complaints("README.md", "See [it][1].\n\n[1]: gone.md").len(),
            1
        );
        assert_eq!(complaints("README.md", "![picture](gone.png)").len(), 1);
    }

    #[test]
    fn links_that_lead_somewhere_and_text_in_code_are_fine() {
        let text = "[a](docs/guide/start.md#part) [b](#here) [c](https://example.com) `[d](x)`\n\n\
                    ```\n[e](gone.md)\n```\n";
        assert_eq!(complaints("README.md", text), Vec::<String>::new());
        assert_eq!(
            complaints("docs/concepts/x.md", "[a](../guide/start.md)"),
            Vec::<String>::new()
        );
    }
}

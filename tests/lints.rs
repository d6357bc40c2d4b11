//! Every page in `lints/` against its rule: headings in order, `sql fires` says exactly what the
//! `diagnostic` block behind it says, `sql passes` is silent, and a `plan` block is what
//! `zdm plan` makes of the `sql fires` block before it. On every version the page speaks about.
//!
//! No server is needed here; `tests/it/live/lints.rs` runs the same blocks on real ones.

use std::path::Path;

use zdm::{
    catalog::{Catalog, PgVersion},
    lint::{
        self, Levels,
        page::{Block, BlockKind, HEADINGS, Page},
        rules,
    },
    parse::{Script, parse},
    source::SourceFile,
};

type Outcome = datatest_stable::Result<()>;

#[expect(
    clippy::needless_pass_by_value,
    reason = "the harness hands the text over"
)]
fn page(path: &Path, text: String) -> Outcome {
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .ok_or("the page has no name")?;
    let rule = rules::find(name).ok_or("no rule in src/lint/rules.rs has this name")?;
    if rule.page != text {
        return Err("the rule includes another page than its own".into());
    }
    let page = Page::read(&text)?;
    headings(&page)?;
    let kinds: Vec<BlockKind> = page.blocks.iter().map(|block| block.kind).collect();
    for wanted in [BlockKind::Fires, BlockKind::Passes] {
        if !kinds.contains(&wanted) {
            return Err(format!("the page has no block `sql {}`", wanted.caption()).into());
        }
    }
    for version in &page.versions {
        blocks(name, &page, *version).map_err(|why| format!("PostgreSQL {version}: {why}"))?;
    }
    Ok(())
}

fn headings(page: &Page<'_>) -> Outcome {
    let found: Vec<&str> = page
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    if found == HEADINGS {
        Ok(())
    } else {
        Err(format!("its headings are {found:?}, and not {HEADINGS:?}").into())
    }
}

fn script(text: &str) -> Result<Script, String> {
    let script = parse(SourceFile::new("example.sql", text));
    match script.diagnostics.first() {
        Some(mistake) => Err(format!("{}\nin:\n{text}", mistake.message)),
        None => Ok(script),
    }
}

fn blocks(rule: &str, page: &Page<'_>, version: PgVersion) -> Outcome {
    let mut catalog = Catalog::empty(version);
    let mut fired: Option<(&Block<'_>, String)> = None;
    for block in &page.blocks {
        if let (Some((fires, _)), true) = (&fired, block.kind != BlockKind::Diagnostic) {
            let missing = format!("no `diagnostic` block follows:\n{}", fires.text);
            return Err(missing.into());
        }
        match block.kind {
            BlockKind::Given => {
                catalog = lint::lint(&script(block.text)?, &catalog, &Levels::new()).after;
            }
            BlockKind::Fires => {
                let said = said(rule, &catalog, block)?;
                if said.is_empty() {
                    return Err(format!("nothing is found in:\n{}", block.text).into());
                }
                fired = Some((block, said));
            }
            BlockKind::Diagnostic => {
                let (_, said) = fired
                    .take()
                    .ok_or("a `diagnostic` block follows no `fires`")?;
                if said != block.text {
                    let why = format!("the page says:\n{}\nthe rule says:\n{said}", block.text);
                    return Err(why.into());
                }
            }
            BlockKind::Passes => {
                let said = said(rule, &catalog, block)?;
                if !said.is_empty() {
                    return Err(format!("it is found:\n{}\n{said}", block.text).into());
                }
            }
            BlockKind::Plan | BlockKind::Illustration => {}
        }
    }
    match fired {
        Some((block, _)) => Err(format!("no `diagnostic` block follows:\n{}", block.text).into()),
        None => Ok(()),
    }
}

/// What the rule says of a block: each message, and what to do in a line of its own.
fn said(rule: &str, catalog: &Catalog, block: &Block<'_>) -> Result<String, String> {
    let linted = lint::lint(&script(block.text)?, catalog, &Levels::new());
    let mut out = String::new();
    for finding in linted.findings {
        let diagnostic = finding.diagnostic;
        if diagnostic.rule != rule {
            return Err(format!(
                "another rule speaks, {}:\n{}",
                diagnostic.rule, block.text
            ));
        }
        out.push_str(&diagnostic.message);
        out.push('\n');
        if let Some(help) = diagnostic.help {
            out.push_str(&format!("help: {help}\n"));
        }
    }
    Ok(out)
}

datatest_stable::harness! {
    { test = page, root = "lints", pattern = r"\.md$" },
}

//! Every page in `lints/` against its rule: headings in order, `sql fires` says exactly what the
//! `diagnostic` block behind it says, and of `sql passes` the rule says nothing. On every version
//! the page speaks about. What other rules say of a block is their affair.
//!
//! Each block is a file of its own, behind those of the `sql given` and `sql pending` blocks before
//! it. For rules over folders its first line may name it: `-- file: 0002_more.sql`; otherwise the
//! blocks are numbered. The `given` ones have run, the `pending` ones and the block that is judged
//! have not; a block with the name of a `given` one is an edit of that.
//!
//! With `UPDATE_LINTS=1` the `diagnostic` blocks are written anew; look at what changed.
//! No server is needed here; `tests/it/live/lints.rs` runs the same blocks on real ones.

use std::path::Path;

use zdm::{
    catalog::{Catalog, PgVersion},
    diagnostic::Diagnostic,
    lint::{
        self, Check, Folder, Judged, KeptBy, Member, Original, Released, Rule, RuleLevel, Settings,
        page::{Block, BlockKind, HEADINGS, Page},
        rules,
    },
    parse::{
        Script, checksum,
        layout::{self, version_order},
        parse,
    },
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
    // Of a rule that speaks where no other does there may be nothing to show.
    let shown: &[BlockKind] = match rule.check {
        Check::Unexplained(_) => &[BlockKind::Passes],
        Check::Statement(_) | Check::File(_) | Check::Folder(_) => {
            &[BlockKind::Fires, BlockKind::Passes]
        }
    };
    for wanted in shown {
        if !kinds.contains(wanted) {
            return Err(format!("the page has no block that {}", wanted.caption()).into());
        }
    }
    if std::env::var_os("UPDATE_LINTS").is_some() {
        return update(path, rule, &page, &text);
    }
    for version in &page.versions {
        blocks(rule, &page, *version).map_err(|why| format!("PostgreSQL {version}: {why}"))?;
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

/// The statements of a block, in a file of the name that its first line gives it.
fn script(text: &str, number: usize) -> Result<Script, String> {
    let first = text.lines().next().unwrap_or_default();
    let name = first.strip_prefix("-- file: ").map_or_else(
        || format!("{number:04}_example.sql"),
        |name| name.trim().to_owned(),
    );
    let script = parse(SourceFile::new(name, text));
    match script.diagnostics.first() {
        Some(mistake) => Err(format!("{}\nin:\n{text}", mistake.message)),
        None => Ok(script),
    }
}

/// Writes into each `diagnostic` block what the rule says on the newest version.
fn update(path: &Path, rule: &Rule, page: &Page<'_>, text: &str) -> Outcome {
    let version = *page.versions.last().ok_or("the page names no version")?;
    let mut earlier = Earlier {
        catalog: Catalog::empty(version),
        files: Vec::new(),
    };
    let (mut out, mut copied, mut fired) = (String::new(), 0, String::new());
    for block in &page.blocks {
        match block.kind {
            BlockKind::Given => earlier.add(block, Released::Yes)?,
            BlockKind::Pending => earlier.add(block, Released::No)?,
            BlockKind::Fires => fired = said(rule, page, &earlier, block)?,
            BlockKind::Diagnostic => {
                let start = block.text.as_ptr() as usize - text.as_ptr() as usize;
                out.push_str(&text[copied..start]);
                out.push_str(&fired);
                copied = start + block.text.len();
            }
            BlockKind::Passes | BlockKind::Plan | BlockKind::Illustration => {}
        }
    }
    out.push_str(&text[copied..]);
    std::fs::write(path, out)?;
    Ok(())
}

/// What was there before a block, and the files that made it.
struct Earlier {
    catalog: Catalog,
    files: Vec<(Script, Released)>,
}

impl Earlier {
    fn add(&mut self, block: &Block<'_>, released: Released) -> Result<(), String> {
        let given = self.script(block)?;
        self.catalog = lint::lint(&given, &self.catalog, &Settings::default()).after;
        self.files.push((given, released));
        Ok(())
    }

    fn script(&self, block: &Block<'_>) -> Result<Script, String> {
        script(block.text, self.files.len() + 1)
    }
}

fn blocks(rule: &Rule, page: &Page<'_>, version: PgVersion) -> Outcome {
    let mut earlier = Earlier {
        catalog: Catalog::empty(version),
        files: Vec::new(),
    };
    let mut fired: Option<(&Block<'_>, String)> = None;
    for block in &page.blocks {
        if let (Some((fires, _)), true) = (&fired, block.kind != BlockKind::Diagnostic) {
            let missing = format!("no `diagnostic` block follows:\n{}", fires.text);
            return Err(missing.into());
        }
        match block.kind {
            BlockKind::Given => earlier.add(block, Released::Yes)?,
            BlockKind::Pending => earlier.add(block, Released::No)?,
            BlockKind::Fires => {
                let said = said(rule, page, &earlier, block)?;
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
                let said = said(rule, page, &earlier, block)?;
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
fn said(
    rule: &Rule,
    page: &Page<'_>,
    earlier: &Earlier,
    block: &Block<'_>,
) -> Result<String, String> {
    let mut settings = Settings::default();
    if !page.on {
        let level = RuleLevel::At(page.level);
        settings.levels.insert(rule.name.to_owned(), level);
    }
    let judged = earlier.script(block)?;
    let across = across(earlier, &judged, &settings);
    let linted = lint::lint_among(&judged, &earlier.catalog, &settings, across);
    let mut out = String::new();
    for finding in linted.findings {
        let diagnostic = finding.diagnostic;
        if diagnostic.rule != rule.name {
            continue;
        }
        out.push_str(&diagnostic.message);
        out.push('\n');
        if let Some(help) = diagnostic.help {
            out.push_str(&format!("help: {help}\n"));
        }
    }
    Ok(out)
}

/// What the rules over folders say of a block among the files that were there before.
fn across(earlier: &Earlier, judged: &Script, settings: &Settings) -> Vec<Diagnostic> {
    let name = judged.source.name();
    let original = earlier
        .files
        .iter()
        .find(|(script, released)| script.source.name() == name && *released == Released::Yes)
        .map(|(script, _)| script);
    let edited = original.filter(|was| checksum(was) != checksum(judged));
    let others = earlier
        .files
        .iter()
        .map(|(script, released)| (script, *released));
    let others =
        others.filter(|(script, _)| original.is_none_or(|was| !std::ptr::eq(*script, was)));
    let released = if original.is_some() {
        Released::Yes
    } else {
        Released::No
    };
    let all: Vec<(&Script, Released)> = others.chain([(judged, released)]).collect();
    let names: Vec<(String, String)> = all.iter().map(|(script, _)| version(script)).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| version_order(&names[*a].0, &names[*b].0));
    let members: Vec<Member<'_>> = order
        .iter()
        .map(|at| {
            let ((script, released), (id, name)) = (all[*at], &names[*at]);
            let last = std::ptr::eq(script, judged);
            Member {
                id,
                name,
                script,
                released,
                judged: if last { Judged::Yes } else { Judged::No },
                original: edited.filter(|_| last).map(|script| Original {
                    script,
                    kept_by: KeptBy::Revision("origin/main"),
                }),
                only_at: None,
            }
        })
        .collect();
    let at = members
        .iter()
        .position(|member| std::ptr::eq(member.script, judged));
    let mut found = lint::across(&Folder { members, settings });
    at.map(|at| found.swap_remove(at)).unwrap_or_default()
}

/// The version of a file and the rest of its name.
fn version(script: &Script) -> (String, String) {
    let file = layout::File {
        path: script.source.name().to_owned(),
        text: script.source.text().to_owned(),
    };
    let mut read = layout::read(&[file], None);
    let migration = read.migrations.remove(0);
    (migration.id, migration.name)
}

datatest_stable::harness! {
    { test = page, root = "lints", pattern = r"\.md$" },
}

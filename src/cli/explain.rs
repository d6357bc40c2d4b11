//! `zdm explain`.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    cli::{CliError, ErrorCode, Exit, Format, output},
    diagnostic::{Level, closest},
    lint::{
        page::{BlockKind, Page},
        rules,
    },
    report::json,
};

/// Show a rule's page: what it finds, why it matters, and what to do.
///
/// Without a rule, or with --list, every rule is listed with its level.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The rule, as it stands in brackets behind a finding's level.
    rule: Option<String>,
    /// List every rule.
    #[arg(long, conflicts_with = "rule")]
    list: bool,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Serialize)]
struct RulePage<'a> {
    rule: &'a str,
    level: Level,
    summary: &'a str,
    since: &'a str,
    postgresql: Vec<u32>,
    recipe: Option<&'a str>,
    text: &'a str,
}

#[derive(Serialize)]
struct Rules<'a> {
    version: u32,
    rules: Vec<RulePage<'a>>,
}

/// Runs it.
pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let pages: Vec<(&'static str, Page<'static>)> = match args.rule.as_deref() {
        Some(name) => vec![page(name)?],
        None => rules::ALL
            .iter()
            .filter_map(|rule| Some((rule.name, rule.read_page()?)))
            .collect(),
    };
    match (args.format, args.rule.is_some()) {
        (Format::Json, _) => output::result(&json::pretty(&Rules {
            version: json::VERSION,
            rules: pages
                .iter()
                .map(|(rule, page)| as_json(rule, page))
                .collect(),
        })),
        (Format::Human, true) => {
            for (rule, page) in &pages {
                output::result(&in_words(rule, page));
            }
        }
        (Format::Human, false) => output::result(&list(&pages)),
    }
    Ok(Exit::Done)
}

fn page(name: &str) -> Result<(&'static str, Page<'static>), CliError> {
    rules::find(name)
        .and_then(|rule| Some((rule.name, rule.read_page()?)))
        .ok_or_else(|| {
            let error = CliError::new(ErrorCode::NoSuchRule, format!("there is no rule `{name}`"));
            match closest(name, rules::names()) {
                Some(near) => error.with_hint(format!("Did you mean `zdm explain {near}`?")),
                None => error.with_hint("List the rules with `zdm explain --list`."),
            }
        })
}

fn as_json<'a>(rule: &'a str, page: &'a Page<'_>) -> RulePage<'a> {
    RulePage {
        rule,
        level: page.level,
        summary: &page.summary,
        since: &page.since,
        postgresql: page
            .versions
            .iter()
            .map(|version| version.major())
            .collect(),
        recipe: page.recipe.as_deref(),
        text: page.body,
    }
}

fn list(pages: &[(&str, Page<'_>)]) -> String {
    let width = pages.iter().map(|(rule, _)| rule.len()).max().unwrap_or(0);
    pages.iter().fold(String::new(), |mut out, (rule, page)| {
        let _ = writeln!(
            out,
            "{rule:<width$}  {:<7}  {}",
            page.level.as_str(),
            page.summary
        );
        out
    })
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const CODE: Style = AnsiColor::Cyan.on_default();

/// The page with its headings made bold and its blocks indented under what they are for.
fn in_words(rule: &str, page: &Page<'_>) -> String {
    let versions = match (page.versions.first(), page.versions.last()) {
        (Some(first), Some(last)) if first != last => format!("{first}–{last}"),
        (Some(only), _) => only.to_string(),
        (None, _) => "any".to_owned(),
    };
    let mut out = format!(
        "{BOLD}{rule}{BOLD:#}\n{}\n{DIM}{} · since zdm {} · PostgreSQL {versions}{DIM:#}\n",
        page.summary,
        page.level.as_str(),
        page.since,
    );
    let mut in_block = false;
    for line in page.body.lines().skip(1) {
        if let Some(info) = line.strip_prefix("```") {
            in_block = !in_block;
            let caption = BlockKind::from_info(info).map_or("", BlockKind::caption);
            if in_block && !caption.is_empty() {
                let _ = writeln!(out, "  {DIM}{caption}:{DIM:#}");
            }
        } else if in_block {
            let _ = writeln!(out, "    {CODE}{line}{CODE:#}");
        } else if let Some(heading) = line.strip_prefix("## ") {
            let _ = writeln!(out, "{BOLD}{heading}{BOLD:#}");
        } else {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

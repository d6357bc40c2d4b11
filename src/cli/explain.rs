//! `zdm explain`.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    catalog::PgVersion,
    cli::{CliError, ErrorCode, Exit, Format, output},
    config::{Config, ConfigError},
    diagnostic::{Level, closest},
    lint::{
        Custom, Rule, RuleLevel, Settings,
        page::{BlockKind, Page},
        rules,
    },
    report::json,
};

/// Show a rule's page: what it finds, why it matters, and what to do.
///
/// Without a rule, or with --list, every rule is listed with its level, those of zdm.toml last.
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
    /// Whether it speaks when nothing is set.
    #[serde(skip)]
    on: bool,
    summary: &'a str,
    /// The version of zdm that first had it; a project's own rule has none.
    since: Option<&'a str>,
    postgresql: Vec<u32>,
    recipe: Option<&'a str>,
    text: &'a str,
}

#[derive(Serialize)]
struct Rules<'a> {
    version: u32,
    rules: Vec<RulePage<'a>>,
}

/// Runs it. The configuration is asked only for what it alone knows: a project's own rules.
pub(super) fn run(
    args: &Args,
    config: impl FnOnce() -> Result<Config, ConfigError>,
) -> Result<Exit, CliError> {
    let own = match args.rule.as_deref() {
        Some(name) => rules::find(name).map(|rule| vec![rule]),
        None => Some(rules::ALL.iter().collect()),
    };
    let config = match (&own, args.rule.as_deref()) {
        (Some(_), Some(_)) => Config::default(),
        (_, _) => config()?,
    };
    let settings = &config.settings.lint.rules;
    let own: Vec<(&Rule, Page<'_>)> = own
        .unwrap_or_default()
        .into_iter()
        .filter_map(|rule| Some((rule, rule.read_page()?)))
        .collect();
    let custom = settings.custom.iter();
    let custom = custom.filter(|rule| args.rule.as_ref().is_none_or(|name| rule.name == *name));
    let pages: Vec<RulePage<'_>> = own
        .iter()
        .map(|(rule, page)| of_rule(rule, page))
        .chain(custom.map(of_custom))
        .collect();
    if let (Some(name), []) = (&args.rule, pages.as_slice()) {
        return Err(no_such_rule(name, settings));
    }
    match (args.format, args.rule.is_some()) {
        (Format::Json, _) => output::result(&json::pretty(&Rules {
            version: json::VERSION,
            rules: pages,
        })),
        (Format::Human, true) => {
            for page in &pages {
                output::result(&in_words(page));
            }
        }
        (Format::Human, false) => output::result(&list(&pages)),
    }
    Ok(Exit::Done)
}

impl RulePage<'_> {
    /// Its level in a list: `off` for a rule that is silent when nothing is set.
    fn shown_level(&self) -> &'static str {
        if self.on { self.level.as_str() } else { "off" }
    }
}

fn no_such_rule(name: &str, settings: &Settings) -> CliError {
    let error = CliError::new(ErrorCode::NoSuchRule, format!("there is no rule `{name}`"));
    match closest(name, settings.names()) {
        Some(near) => error.with_hint(format!("Did you mean `zdm explain {near}`?")),
        None => error.with_hint("List the rules with `zdm explain --list`."),
    }
}

fn of_rule<'a>(rule: &Rule, page: &'a Page<'_>) -> RulePage<'a> {
    RulePage {
        rule: rule.name,
        level: page.level,
        on: page.on,
        summary: &page.summary,
        since: Some(&page.since),
        postgresql: page
            .versions
            .iter()
            .map(|version| version.major())
            .collect(),
        recipe: page.recipe.as_deref(),
        text: page.body,
    }
}

fn of_custom(rule: &Custom) -> RulePage<'_> {
    RulePage {
        rule: &rule.name,
        level: rule.shown_level(),
        on: rule.level != RuleLevel::Off,
        summary: &rule.message,
        since: None,
        postgresql: PgVersion::ALL
            .iter()
            .map(|version| version.major())
            .collect(),
        recipe: None,
        text: rule.page(),
    }
}

fn list(pages: &[RulePage<'_>]) -> String {
    let width = pages.iter().map(|page| page.rule.len()).max().unwrap_or(0);
    pages.iter().fold(String::new(), |mut out, page| {
        let _ = writeln!(
            out,
            "{:<width$}  {:<7}  {}",
            page.rule,
            page.shown_level(),
            page.summary
        );
        out
    })
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const CODE: Style = AnsiColor::Cyan.on_default();

/// The page with its headings made bold and its blocks indented under what they are for.
fn in_words(page: &RulePage<'_>) -> String {
    let versions = match (page.postgresql.first(), page.postgresql.last()) {
        (Some(first), Some(last)) if first != last => format!("{first}–{last}"),
        (Some(only), _) => only.to_string(),
        (None, _) => "any".to_owned(),
    };
    let since = page.since.map_or_else(
        || "from zdm.toml".to_owned(),
        |since| format!("since zdm {since}"),
    );
    let level = if page.on {
        page.level.as_str().to_owned()
    } else {
        format!(
            "off unless zdm.toml switches it on ({})",
            page.level.as_str()
        )
    };
    let mut out = format!(
        "{BOLD}{rule}{BOLD:#}\n{}\n{DIM}{} · {since} · PostgreSQL {versions}{DIM:#}\n",
        page.summary,
        level,
        rule = page.rule,
    );
    let mut in_block = false;
    for line in page.text.lines().skip(1) {
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

//! `zdm lint`.

mod baseline;
mod fix;
mod inputs;
mod output;
mod paths;

use std::{
    collections::BTreeSet,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{
    catalog::Catalog,
    cli::{
        CliError, ErrorCode, Exit, Format as ErrorFormat,
        git::Changes,
        history::Migration,
        output::note,
        plan as plan_command,
        state::{State, StateArgs},
    },
    config::{Config, FailOn, migrations},
    diagnostic::Level,
    lint::{self, Linted, lint_among, only_across, rules},
    report::{
        Shown, count,
        findings::{Findings, Format, PlanText, RuleDoc},
        fingerprint::{self, fingerprints},
    },
    source::SourceFile,
};

use baseline::Baseline;
use inputs::{Role, Series};
use output::{Output, Targets};

/// Find what would hold up clients, break an application or fail.
///
/// Without a path, every migration of the folder is looked at, each on what the earlier ones
/// made; with a database that has a journal, those that are pending. A path is a file, a folder of
/// migrations, a pattern such as 'db/**/*.sql', or - for standard input.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, folders of migrations, patterns, or - for standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Only what is new or changed since this branch left that revision of git, as origin/main.
    #[arg(long, value_name = "REV")]
    since: Option<String>,
    /// The name of what comes from standard input; a file of the folder is judged at its place.
    #[arg(long, value_name = "FILE")]
    stdin_filename: Option<String>,
    #[command(flatten)]
    state: StateArgs,
    /// The lowest level that makes the exit code 1; zdm.toml has the default.
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<FailOnLevel>,
    /// Do not report the findings that this file holds; zdm.toml may name it.
    #[arg(long, value_name = "FILE", help_heading = "Baseline")]
    baseline: Option<PathBuf>,
    /// Write the findings to the baseline instead of reporting them.
    #[arg(long, help_heading = "Baseline")]
    write_baseline: bool,
    /// Replace what was found by its safe equivalent, as plain SQL, where there is one: CONCURRENTLY,
    /// NOT VALID and VALIDATE, a constraint on a finished index. What may not share a transaction
    /// is set apart: by the file's own COMMIT and BEGIN, or, with `[lint] runner =
    /// "one-transaction"`, in new files with versions behind the migration and before the next
    /// one, marked for the tool where it knows a mark. Comments stay. A migration that is known to
    /// have run is never written; so name the files, or give --since or a database with a journal.
    #[arg(long, help_heading = "Fixing", conflicts_with_all = ["write_baseline"])]
    fix: bool,
    /// Show what --fix would write as a difference, and write nothing. The exit code is 1 when
    /// there is anything.
    #[arg(long, help_heading = "Fixing", conflicts_with_all = ["write_baseline"])]
    diff: bool,
    /// How to show the findings on stdout.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Human, help_heading = "Output")]
    format: Format,
    /// Write them to a file as well, in a format of its own, as in sarif:lint.sarif; may be given
    /// several times. Without a format, the file gets what stdout would have got.
    #[arg(long, value_name = "[FORMAT:]FILE", value_parser = output::parse, help_heading = "Output")]
    output: Vec<Output>,
}

impl Args {
    /// The format that errors are shown in.
    pub(super) fn error_format(&self) -> ErrorFormat {
        match self.format {
            Format::Json => ErrorFormat::Json,
            Format::Human
            | Format::Sarif
            | Format::Github
            | Format::Gitlab
            | Format::Junit
            | Format::Markdown => ErrorFormat::Human,
        }
    }
}

/// From which level on findings make the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOnLevel {
    Error,
    Warning,
    Info,
    #[value(alias = "never")]
    None,
}

impl From<FailOnLevel> for FailOn {
    fn from(level: FailOnLevel) -> Self {
        match level {
            FailOnLevel::Error => Self::Level(Level::Error),
            FailOnLevel::Warning => Self::Level(Level::Warning),
            FailOnLevel::Info => Self::Level(Level::Info),
            FailOnLevel::None => Self::Never,
        }
    }
}

/// A migration with what was found in it, and what exists before it when a plan is wanted.
struct Looked {
    migration: Migration,
    linted: Linted,
    before: Option<Catalog>,
}

/// How many plans a comment holds when more migrations than that are looked at: only of those
/// with findings.
const PLANS: usize = 10;

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let targets = Targets {
        format: args.format,
        outputs: &args.output,
    };
    targets.check()?;
    let state = args.state.read(&config.settings).await?;
    let database = match &state {
        State::Live(_, database) => Some(database.name.clone()),
        State::Dump(_) | State::Replay(_) => None,
    };
    let changes = args
        .since
        .as_deref()
        .map(|revision| Changes::since(revision, &config.base))
        .transpose()?;
    if args.fix || args.diff {
        let series = inputs::gather(args, config, state.clone(), changes.as_ref()).await?;
        let mode = if args.diff {
            fix::Mode::Show
        } else {
            fix::Mode::Write
        };
        let live = database.is_some();
        let changed = fix::run(args, config, series, live, mode)?;
        match mode {
            fix::Mode::Show if changed > 0 => return Ok(Exit::Found),
            fix::Mode::Show => return Ok(Exit::Done),
            // Standard input was read, and its text is the result.
            fix::Mode::Write if args.paths.iter().any(|path| path == "-") => return Ok(Exit::Done),
            // What is left is shown.
            fix::Mode::Write => {}
        }
    }
    let gathered = inputs::gather(args, config, state, changes.as_ref()).await?;
    let mut looked = Vec::new();
    for series in gathered {
        look(series, config, &targets, &mut looked);
    }
    if let Some(changes) = &changes {
        for path in &changes.removed {
            inputs::tell_removed(path, changes, config);
        }
    }
    let all: Vec<Shown<'_>> = looked.iter().flat_map(shown).collect();
    let (kept, known) = match baseline(args, config, &all, &looked)? {
        Known::Written => return Ok(Exit::Done),
        Known::Of(kept) => {
            let known = all.len() - kept.len();
            (kept, known)
        }
    };
    let fail_on = args
        .fail_on
        .map_or(config.settings.lint.fail_on, FailOn::from);
    let files: Vec<&str> = looked.iter().map(|one| one.migration.file.name()).collect();
    let plans = if targets.include(Format::Markdown) {
        plans(&looked, &kept, config, database.as_deref())
    } else {
        Vec::new()
    };
    let pages = rule_docs(&kept, &config.settings.lint.rules);
    let findings = Findings {
        shown: &kept,
        files: &files,
        rules: &pages,
        database: database.as_deref(),
        fail_on: match fail_on {
            FailOn::Level(level) => Some(level),
            FailOn::Never => None,
        },
        plans: &plans,
    };
    let explained = pages.first().map(|page| page.name);
    targets.write(&findings, explained)?;
    if known > 0 && args.format == Format::Human {
        note(&format!(
            "Not shown: {} of the baseline.\n",
            count(known as u64, "finding")
        ));
    }
    let fails = kept
        .iter()
        .any(|shown| findings.fails(shown.diagnostic.level));
    Ok(if fails { Exit::Found } else { Exit::Done })
}

fn shown(looked: &Looked) -> impl Iterator<Item = Shown<'_>> {
    looked.linted.findings.iter().map(|finding| Shown {
        source: &looked.migration.file,
        diagnostic: &finding.diagnostic,
        statement: finding
            .statement
            .and_then(|at| looked.migration.script.statements.get(at))
            .map(|statement| statement.span),
        effects: finding.effects.as_ref(),
    })
}

/// Goes through one series of migrations, each on what the earlier ones made.
fn look(series: Series, config: &Config, targets: &Targets<'_>, found: &mut Vec<Looked>) {
    let settings = &config.settings.lint.rules;
    let mut across = inputs::across(&series, settings);
    let Series {
        mut catalog,
        members,
        sizes,
        ..
    } = series;
    for (at, member) in members.into_iter().enumerate() {
        match member.role {
            Role::There => {
                let told = across.get_mut(at).map(std::mem::take).unwrap_or_default();
                let findings = only_across(&member.migration.script, told);
                if !findings.is_empty() {
                    found.push(Looked {
                        migration: member.migration,
                        linted: Linted {
                            findings,
                            after: catalog.clone(),
                        },
                        before: None,
                    });
                }
                continue;
            }
            Role::Replayed => {
                catalog = super::state::replay(catalog, &member.migration.script);
                continue;
            }
            Role::Judged => {}
        }
        if let Some(sizes) = &sizes {
            sizes.apply(&mut catalog);
        }
        let before = targets.include(Format::Markdown).then(|| catalog.clone());
        let told = across.get_mut(at).map(std::mem::take).unwrap_or_default();
        let own = member.migration.lint_settings(settings);
        let linted = lint_among(&member.migration.script, &catalog, &own, told);
        catalog.clone_from(&linted.after);
        found.push(Looked {
            migration: member.migration,
            linted,
            before,
        });
    }
}

/// What the baseline leaves.
enum Known<'a> {
    /// It was written; nothing is reported.
    Written,
    /// Findings that it does not hold.
    Of(Vec<Shown<'a>>),
}

fn baseline<'a>(
    args: &Args,
    config: &Config,
    all: &[Shown<'a>],
    looked: &[Looked],
) -> Result<Known<'a>, CliError> {
    let configured = config.settings.lint.baseline.as_ref();
    let path = args
        .baseline
        .clone()
        .or_else(|| configured.map(|path| config.base.join(path)));
    let Some(path) = path else {
        return if args.write_baseline {
            Err(
                CliError::new(ErrorCode::Usage, "--write-baseline needs a file to write")
                    .with_hint("Name it with --baseline, or write `[lint] baseline` in zdm.toml."),
            )
        } else {
            Ok(Known::Of(all.to_vec()))
        };
    };
    let prints = fingerprints(all);
    let looked_at: BTreeSet<String> = looked
        .iter()
        .map(|one| fingerprint::place(one.migration.file.name()))
        .collect();
    if args.write_baseline {
        let before = path.exists().then(|| Baseline::read(&path)).transpose()?;
        let written = Baseline::of(all, &prints).write(&path, before.as_ref(), &looked_at)?;
        note(&format!(
            "{} written to {}.\n",
            count(written as u64, "finding"),
            path.display()
        ));
        return Ok(Known::Written);
    }
    let known = Baseline::read(&path)?;
    let stale = known.stale(&prints, &looked_at);
    for entry in &stale {
        note(&format!(
            "note: the baseline holds {} in {}, which is not found any more\n",
            entry.rule, entry.file
        ));
    }
    if !stale.is_empty() {
        note("Hint: Write the baseline anew with --write-baseline.\n");
    }
    let kept = all.iter().zip(&prints);
    Ok(Known::Of(
        kept.filter(|(_, print)| !known.holds(print))
            .map(|(shown, _)| *shown)
            .collect(),
    ))
}

/// The pages of the rules that have findings, in the order of their first ones.
fn rule_docs<'a>(shown: &[Shown<'_>], settings: &'a lint::Settings) -> Vec<RuleDoc<'a>> {
    let mut docs: Vec<RuleDoc<'a>> = Vec::new();
    for shown in shown {
        let name = shown.diagnostic.rule.as_str();
        if docs.iter().any(|doc| doc.name == name) {
            continue;
        }
        if let Some(custom) = settings.custom(name) {
            docs.push(RuleDoc {
                name: &custom.name,
                level: custom.shown_level(),
                summary: custom.message.clone(),
                text: custom.page().trim(),
            });
        }
        if let Some(rule) = rules::find(name)
            && let Some(page) = rule.read_page()
        {
            docs.push(RuleDoc {
                name: rule.name,
                level: page.level,
                summary: page.summary,
                text: page.body.trim(),
            });
        }
    }
    docs
}

/// The plans to fold into a comment.
fn plans(
    looked: &[Looked],
    kept: &[Shown<'_>],
    config: &Config,
    database: Option<&str>,
) -> Vec<PlanText> {
    looked
        .iter()
        .filter(|one| {
            let name = one.migration.file.name();
            !one.migration.script.statements.is_empty()
                && (looked.len() <= PLANS || kept.iter().any(|shown| shown.source.name() == name))
        })
        .filter_map(|one| {
            let before = one.before.as_ref()?;
            Some(plan_command::as_text(
                &one.migration,
                before,
                &config.settings,
                database,
            ))
        })
        .collect()
}

/// The text of a file, or of standard input.
pub(super) fn source(path: &str) -> Result<SourceFile, CliError> {
    text_of(path, None)
}

/// The same, with the name of what comes from standard input.
fn text_of(path: &str, stdin_filename: Option<&str>) -> Result<SourceFile, CliError> {
    if path != "-" {
        let text = migrations::text(Path::new(path))?;
        return Ok(SourceFile::new(path, text));
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            CliError::new(
                ErrorCode::Usage,
                format!("standard input cannot be read: {error}"),
            )
        })?;
    Ok(SourceFile::new(stdin_filename.unwrap_or("<stdin>"), text))
}

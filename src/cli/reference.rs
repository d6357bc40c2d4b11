//! Pages of `docs/reference/` that are made from the code, so that they cannot disagree with it.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use crate::{
    cli::{Cli, ErrorCode, Exit, error::RUN_CODES},
    config::{Key, keys::DIRECTIVE_KEYS},
    lint::{
        custom::{self, NameOf},
        page::Group,
        rule::OptionDefault,
        rules,
    },
};

const GENERATED: &str = "<!-- Generated from the code; `UPDATE_REFERENCE=1 cargo test --test it generated` writes it anew. -->\n\n";

/// Every generated page: its path in the repository and its text.
pub fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("docs/reference/cli.md", cli()),
        ("docs/reference/configuration.md", configuration()),
        ("docs/reference/errors.md", errors()),
        ("docs/reference/exit-codes.md", exit_codes()),
        ("docs/reference/lints.md", lints()),
    ]
}

/// Every rule, by what it is about.
fn lints() -> String {
    let mut out = format!(
        "# Lint rules\n\n{GENERATED}\
         `zdm explain RULE` shows a rule's page, which is in [`lints/`](../../lints) too: what it finds, why it matters, what to do, and examples that are run on PostgreSQL.\n\
         Levels, paths and options are set in [`zdm.toml`](configuration.md#lint); a finding that was looked at is accepted with `-- zdm: allow(RULE) because …`.\n\
         A rule that is off speaks when `zdm.toml` gives it a level.\n"
    );
    let pages: Vec<_> = rules::ALL
        .iter()
        .filter_map(|rule| Some((rule, rule.read_page()?)))
        .collect();
    for group in Group::ALL {
        let mut of_group = pages
            .iter()
            .filter(|(_, page)| page.group == group)
            .peekable();
        if of_group.peek().is_none() {
            continue;
        }
        let (first, rest) = group.as_str().split_at(1);
        let _ = write!(
            out,
            "\n## {}{rest}\n\n| rule | level | finds | PostgreSQL | recipe |\n| --- | --- | --- | --- | --- |\n",
            first.to_uppercase()
        );
        for (rule, page) in of_group {
            let level = page.level.as_str();
            let level = if page.on {
                level.to_owned()
            } else {
                format!("off ({level})")
            };
            let versions = match (page.versions.first(), page.versions.last()) {
                (Some(first), Some(last)) if first != last => format!("{first}–{last}"),
                (Some(only), _) => only.to_string(),
                (None, _) => String::new(),
            };
            let recipe = page.recipe.as_ref().map_or_else(String::new, |recipe| {
                format!("[{recipe}](../../migrations-examples/{recipe})")
            });
            let name = rule.name;
            let _ = writeln!(
                out,
                "| [{name}](../../lints/{name}.md) | {level} | {} | {versions} | {recipe} |",
                page.summary
            );
        }
    }
    let options: Vec<_> = pages
        .iter()
        .flat_map(|(rule, _)| rule.options.iter().map(move |option| (rule.name, option)))
        .collect();
    if !options.is_empty() {
        out.push_str(
            "\n## Options\n\n| rule | option | default | means |\n| --- | --- | --- | --- |\n",
        );
    }
    for (rule, option) in options {
        let default = match option.default {
            OptionDefault::Number(number) => number.to_string(),
            OptionDefault::Text(text) => format!("\"{text}\""),
            OptionDefault::Texts(texts) => format!("{texts:?}"),
        };
        let _ = writeln!(
            out,
            "| {rule} | `{}` | `{default}` | {} |",
            option.name, option.doc
        );
    }
    out
}

fn cli() -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut out = format!("# Commands\n\n{GENERATED}");
    out.push_str(
        "Results go to stdout, everything else to stderr.\n\
         Every command can be understood without colour; `NO_COLOR` switches colour off.\n",
    );
    block(&mut out, "zdm", &mut command);
    for sub in command.get_subcommands_mut() {
        if sub.get_name() != "help" {
            let name = format!("zdm {}", sub.get_name());
            block(&mut out, &name, sub);
        }
    }
    out
}

fn block(out: &mut String, name: &str, command: &mut clap::Command) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        out,
        "\n## `{name}`\n\n```text\n{}\n```\n",
        help.join("\n").trim_end()
    );
}

fn configuration() -> String {
    let mut out = format!(
        "# zdm.toml\n\n{GENERATED}\
         zdm reads the file that `--config` names, or the nearest `zdm.toml` at or above the current folder.\n\
         An unknown key is an error.\n\
         A length of time has a unit: `\"100ms\"`, `\"30s\"`, `\"10m\"`, `\"1h 30m\"`.\n"
    );
    let mut last = "";
    for key in Key::ALL {
        let (section, name) = key.path();
        if section != last {
            let _ = write!(out, "\n## `[{section}]`\n");
            last = section;
        }
        let default = key.default_text();
        let code = default.starts_with('"')
            || default.parse::<u32>().is_ok()
            || default.parse::<bool>().is_ok();
        let default = if code {
            format!("`{default}`")
        } else {
            default.to_owned()
        };
        let _ = write!(
            out,
            "\n### `{name}`\n\n{}\nDefault: {default}.\n",
            key.doc()
        );
    }
    custom_rules(&mut out);
    let keys: Vec<String> = DIRECTIVE_KEYS
        .iter()
        .map(|key| format!("`{key}`"))
        .collect();
    let _ = write!(
        out,
        "\n## `[migration.\"ID\"]`\n\n\
         Directives for a migration whose file must not be touched, because its checksum belongs to another tool.\n\
         The keys are {}; they mean what the directives of those names mean for the whole file.\n\n\
         ```toml\n[migration.\"0042\"]\nup.full_name = \"lower(name)\"\nphase = \"contract\"\n```\n",
        keys.join(", ")
    );
    out
}

/// What a rule of a project may hold.
fn custom_rules(out: &mut String) {
    out.push_str(
        "\n## `[[lint.custom]]`\n\n\
         A rule of your own; [the guide](../guide/custom-rules.md) has examples.\n\
         A pattern is a regular expression of the crate `regex`; it fits a name that holds it, so that `^` and `$` tie it to the ends.\n\n\
         | key | means |\n| --- | --- |\n",
    );
    for (key, doc) in custom::KEYS {
        let _ = writeln!(out, "| `{key}` | {doc} |");
    }
    out.push_str(
        "\nAnd one of these, which says what it looks for:\n\n| key | means |\n| --- | --- |\n",
    );
    for (key, doc) in custom::LOOKS {
        let _ = writeln!(out, "| `{key}` | {doc} |");
    }
    let naming: Vec<String> = NameOf::ALL
        .iter()
        .map(|of| format!("`{}`", of.key()))
        .collect();
    let _ = write!(
        out,
        "\n`naming` knows {}.\n\
         New names count, those of RENAME too; what PostgreSQL names by itself does not, nor temporary objects.\n\n\
         `statements` knows:\n\n| kind | is |\n| --- | --- |\n",
        naming.join(", ")
    );
    for kind in custom::Kind::ALL {
        let _ = writeln!(out, "| `{}` | {} |", kind.as_str(), kind.sql());
    }
}

fn errors() -> String {
    let mut out = format!(
        "# Errors\n\n{GENERATED}\
         With `--format json`, an error is one object on stdout: `{{\"version\":1,\"database\",\"error\":{{\"code\",\"message\",\"database_state\",\"next\"}}}}`.\n\
         `code` is one of these and never changes its meaning.\n\
         `database_state` is `unchanged` (nothing was done), `recorded` (what was done is in the journal) or `unknown` (a person must look).\n\n\
         | code | meaning | exit code |\n| --- | --- | --- |\n"
    );
    for code in ErrorCode::ALL {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} |",
            code.as_str(),
            code.doc(),
            code.exit().code()
        );
    }
    for (code, doc, exit) in RUN_CODES {
        let _ = writeln!(out, "| `{code}` | {doc} | {} |", exit.code());
    }
    out
}

fn exit_codes() -> String {
    let mut out = format!(
        "# Exit codes\n\n{GENERATED}\
         A refusal or an interruption is never 0.\n\n| code | meaning |\n| --- | --- |\n"
    );
    for exit in Exit::ALL {
        let _ = writeln!(out, "| {} | {} |", exit.code(), exit.doc());
    }
    out
}

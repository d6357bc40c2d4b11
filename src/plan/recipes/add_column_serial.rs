//! ADD COLUMN serial, and ADD COLUMN … GENERATED … AS IDENTITY: plain SQL would number every row
//! while every client waits.
//!
//! Until contract both are a plain column with a sequence as its default. A serial column is just
//! that, and its sequence bears its final name from the start. An identity column can only be made
//! of one that is NOT NULL and has no default: contract does both in one transaction, and hands the
//! last number on to the identity's own sequence, which is read while nobody can take another.

use crate::{
    catalog::Table,
    ident::{ObjectName, quote_literal},
    parse::{PhaseName, expr_from_text, format_type, statement::ColumnConstraint},
    plan::{
        acl,
        added_column::{AddedColumn, Numbered},
        columns,
        draft::{Draft, Refusal},
        filled_column::FilledColumn,
        pieces,
        recipe::{Context, Recipe},
        state,
        sync_trigger::{Sync, SyncMode, Unfilled},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-column-serial",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let added = AddedColumn::of(cx)?;
    let numbered = added.numbered?;
    Some(draft_for(cx, &added, numbered))
}

fn draft_for(
    cx: &Context<'_>,
    added: &AddedColumn<'_>,
    numbered: Numbered<'_>,
) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    let (table, column) = (&added.table, &added.def.name);
    let before = cx.plain_table(table)?;
    if before.column(column).is_some() && added.if_not_exists {
        draft.notes.push(format!(
            "{}.{column} exists already: nothing to do",
            table.short()
        ));
        return Ok(draft);
    }
    added.refuse_unsupported(cx)?;
    if added.default.is_some() {
        return Err(Refusal::new(
            "fails",
            format!(
                "{}.{column} gets its values from a sequence and cannot have a default as well",
                table.short()
            ),
            "leave the default out: the server would refuse this statement",
        ));
    }
    columns::check_sync_target(before, columns::HelperColumn::NotNeeded)?;
    let key = cx.key(table, column);
    let own = SequenceOf::new(cx, added, numbered, &key)?;
    let default = format!(
        "nextval({}::regclass)",
        quote_literal(&own.name.to_string())
    );
    let filled = FilledColumn {
        added,
        sync: Sync {
            key,
            table: table.clone(),
            new: column.clone(),
            up: expr_from_text(&default),
            inputs: Vec::new(),
            down: None,
            unfilled: Unfilled::Null,
            mode: SyncMode::FillOld,
            search_path: cx.before.search_path.clone(),
        },
        volatile: true,
        before: vec![own.create(before)],
        after: own.own_it(added, before, &default),
        loses: None,
        title: format!(
            "add {}.{column}, and number every row that is touched",
            table.short()
        ),
        reason: "new rows get the next number; a rewrite of the table is avoided",
    };
    let trigger = filled.add_and_fill(cx, &mut draft);
    let mut contract = filled.prove(cx, &mut draft)?;
    contract.extend(trigger.drop);
    if let Numbered::Identity(identity) = numbered {
        contract.extend(own.become_identity(cx, added, identity));
    }
    draft.push(
        PhaseName::Contract,
        pieces::short_ddl(
            table,
            match numbered {
                Numbered::Serial(_) => {
                    format!("{}.{column} is complete: remove the trigger", table.short())
                }
                Numbered::Identity(_) => format!(
                    "make {}.{column} an identity column that goes on counting",
                    table.short()
                ),
            },
            "every row has its number; the table is locked, so nobody takes another meanwhile",
            contract,
        )
        .state(state::trigger_absent(table, &trigger.triggers[0]))
        .irreversible(),
    );
    draft.notes.push(format!(
        "the rows that are there get each a number of its own in {}.{column}, but not in the order \
         in which plain SQL would count them",
        table.short()
    ));
    if let (Numbered::Serial(_), [_, ..]) = (numbered, own.writers.as_slice()) {
        draft.notes.push(format!(
            "{} may write {}, so USAGE on the sequence {} is granted too: without it, their \
             INSERTs would fail from expand on, as they would after the plain statement",
            own.writers.join(", "),
            table.short(),
            own.name.short()
        ));
    }
    added.inline_constraints(cx, &mut draft)?;
    Ok(draft)
}

/// The sequence that gives the numbers until contract, and for a serial column from then on.
struct SequenceOf {
    name: ObjectName,
    /// `AS type` and the options.
    definition: String,
    /// Roles other than the owner that may write the table.
    writers: Vec<String>,
}

impl SequenceOf {
    fn new(
        cx: &Context<'_>,
        added: &AddedColumn<'_>,
        numbered: Numbered<'_>,
        key: &str,
    ) -> Result<Self, Refusal> {
        let (table, column) = (&added.table, &added.def.name);
        let plain = cx.after.sequences.values().find(|sequence| {
            !cx.before.sequences.contains_key(&sequence.name)
                && sequence
                    .owned_by
                    .as_ref()
                    .is_some_and(|(owner, owning)| owner == table && owning == column)
        });
        let (name, definition) = match numbered {
            Numbered::Serial(integer) => {
                let name = plain.map(|sequence| sequence.name.clone());
                (name, format!("AS {integer}"))
            }
            Numbered::Identity(identity) => {
                let options = options(cx, identity);
                refuse_options(added, &options)?;
                let name = table.sibling(cx.own_name(key, column));
                let definition = format!("AS {} {options}", format_type(&added.def.ty));
                (Some(name), definition.trim_end().to_owned())
            }
        };
        let name = name.ok_or_else(|| {
            Refusal::new(
                "unknown-table",
                format!(
                    "the name of the sequence of {}.{column} could not be told",
                    table.short()
                ),
                "plan against a database (--database-url)",
            )
        })?;
        let known = cx.known_table(table)?;
        Ok(Self {
            name,
            definition,
            writers: acl::writers(known),
        })
    }

    fn create(&self, table: &Table) -> String {
        let logged = if table.permanent { "" } else { "UNLOGGED " };
        format!("CREATE {logged}SEQUENCE {} {}", self.name, self.definition)
    }

    /// Ties it to the column, and makes it the default of rows to come.
    fn own_it(&self, added: &AddedColumn<'_>, table: &Table, default: &str) -> Vec<String> {
        let (sequence, column) = (&self.name, &added.def.name);
        let mut sql = Vec::new();
        if let Some(owner) = &table.owner {
            sql.push(format!("ALTER SEQUENCE {sequence} OWNER TO {owner}"));
        }
        sql.push(format!(
            "ALTER SEQUENCE {sequence} OWNED BY {}.{column}",
            added.table
        ));
        if !self.writers.is_empty() {
            sql.push(format!(
                "GRANT USAGE ON SEQUENCE {sequence} TO {}",
                self.writers.join(", ")
            ));
        }
        sql.push(format!(
            "ALTER TABLE {} ALTER COLUMN {column} SET DEFAULT {default}",
            added.table
        ));
        sql
    }

    /// The identity takes the place of the default, and counts on from where it stands.
    fn become_identity(
        &self,
        cx: &Context<'_>,
        added: &AddedColumn<'_>,
        identity: &ColumnConstraint,
    ) -> Vec<String> {
        let (table, column, sequence) = (&added.table, &added.def.name, &self.name);
        let text = cx.input.script.source.slice(identity.span);
        let generated = text
            .to_ascii_uppercase()
            .find("GENERATED")
            .map_or(text, |at| &text[at..]);
        vec![
            format!("ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT"),
            format!("ALTER SEQUENCE {sequence} OWNED BY NONE"),
            format!("ALTER TABLE {table} ALTER COLUMN {column} ADD {generated}"),
            format!(
                "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence({}, {})::regclass, \
                 last_value, is_called) FROM {sequence}",
                quote_literal(&table.to_string()),
                quote_literal(column.as_str())
            ),
            format!("DROP SEQUENCE {sequence}"),
        ]
    }
}

/// What stands in the parentheses of an identity.
fn options(cx: &Context<'_>, identity: &ColumnConstraint) -> String {
    let text = cx.input.script.source.slice(identity.span);
    match (text.find('('), text.rfind(')')) {
        (Some(open), Some(close)) if open < close => text[open + 1..close].trim().to_owned(),
        _ => String::new(),
    }
}

/// An identity may name its sequence; another one cannot stand in for it under that name.
fn refuse_options(added: &AddedColumn<'_>, options: &str) -> Result<(), Refusal> {
    let words: Vec<String> = options
        .split_whitespace()
        .map(str::to_ascii_uppercase)
        .collect();
    let foreign = ["SEQUENCE", "OWNED", "RESTART", "LOGGED", "UNLOGGED", "AS"];
    match foreign
        .iter()
        .find(|word| words.iter().any(|found| found == *word))
    {
        None => Ok(()),
        Some(word) => Err(Refusal::new(
            "not-yet",
            format!(
                "the identity of {}.{} has the option {word}, which zdm does not carry over to it",
                added.table.short(),
                added.def.name
            ),
            "leave that option out, and ALTER SEQUENCE in the next migration",
        )),
    }
}

//! A new column in which every row gets a value: what all recipes of this kind have in common.
//!
//! **expand** adds the column, nullable, with the trigger that gives it a value; **migrate** fills
//! the rows that are there, proves that none was left out, and then NOT NULL and a key;
//! **contract** sets them without reading the table, and removes the trigger. What differs is the
//! value, and what comes before and after.

use crate::{
    effects::LockMode,
    ident::Ident,
    parse::{
        PhaseName,
        statement::{ColumnConstraintKind, Key},
    },
    plan::{
        Backfill, Undo, Verify,
        added_column::AddedColumn,
        columns,
        draft::{Draft, Element, Refusal, Touch, lock},
        keys::NewKey,
        partitions, pieces,
        recipe::Context,
        recipes::add_primary_key,
        state,
        sync_trigger::{Sync, SyncSql, Unfilled, sync_sql},
    },
};

/// What is to be done for one column.
#[derive(Debug, Clone)]
pub struct FilledColumn<'a> {
    /// The column.
    pub added: &'a AddedColumn<'a>,
    /// What gives it a value in rows that are written.
    pub sync: Sync,
    /// The value varies from row to row and run to run.
    pub volatile: bool,
    /// Statements before the column is added, in the same transaction.
    pub before: Vec<String>,
    /// Statements after the column is added and before the trigger.
    pub after: Vec<String>,
    /// Values that a rollback would lose.
    pub loses: Option<Verify>,
    /// What the first step does.
    pub title: String,
    /// Why it stands there.
    pub reason: &'static str,
}

impl FilledColumn<'_> {
    fn marker(&self) -> Option<&Ident> {
        match &self.sync.unfilled {
            Unfilled::Marker(marker) => Some(marker),
            Unfilled::Null | Unfilled::NullBesideValue { .. } => None,
        }
    }

    /// Adds the column and its trigger, fills it, and looks whether a row was left out. Returns the
    /// statements of the trigger; those that remove it, and the helper column with it, are for the
    /// end.
    pub fn add_and_fill(&self, cx: &Context<'_>, draft: &mut Draft) -> SyncSql {
        let (table, column) = (&self.added.table, &self.added.def.name);
        let mut trigger = sync_sql(&self.sync, &cx.input.settings.journal_schema, cx.bypass);
        let mut create = self.before.clone();
        create.push(format!(
            "ALTER TABLE {table} ADD COLUMN {}",
            self.added.bare_definition(cx)
        ));
        create.extend(self.after.iter().cloned());
        let mut set = vec![pieces::assign(column, format!("({})", self.sync.up.text))];
        if let Some(marker) = self.marker() {
            create.push(format!(
                "ALTER TABLE {table} ADD COLUMN {marker} boolean DEFAULT true"
            ));
            create.push(format!(
                "ALTER TABLE {table} ALTER COLUMN {marker} SET DEFAULT NULL"
            ));
            set.push(pieces::assign(marker, "NULL"));
            trigger
                .drop
                .push(format!("ALTER TABLE {table} DROP COLUMN {marker}"));
        }
        create.extend(trigger.create.iter().cloned());
        let mut undo = trigger.drop.clone();
        undo.push(format!("ALTER TABLE {table} DROP COLUMN {column}"));
        columns::count_unwritable(cx, draft, table);
        let mut undo = Undo::ddl(undo, lock(table, LockMode::AccessExclusive));
        undo.loses.clone_from(&self.loses);
        let add = pieces::short_ddl(table, self.title.clone(), self.reason, create)
            .state(state::column_present(table, column))
            .undone_by(undo);
        let add = partitions::on_tree(cx, add, table);
        draft.push(PhaseName::Expand, add).new_needs_it = true;
        draft
            .conditions
            .extend(pieces::new_column_conditions(table));
        draft.push(
            PhaseName::Migrate,
            pieces::backfill(
                cx,
                table,
                Backfill {
                    table: table.clone(),
                    relations: partitions::storing(cx, table),
                    set,
                    unfilled: trigger.unfilled.clone(),
                    volatile: self.volatile,
                },
            ),
        );
        draft.push(
            PhaseName::Migrate,
            pieces::verify_filled(cx, table, column, &trigger.unfilled),
        );
        draft
            .touches
            .extend(partitions::reads_partitions(cx, table));
        draft.synced.push((table.clone(), column.clone()));
        draft.touches.push(Touch::write(
            Element::Column(table.clone(), column.clone()),
            PhaseName::Expand,
        ));
        trigger
    }

    /// Proves NOT NULL and builds the index of an inline PRIMARY KEY, where they are asked for.
    /// Returns what the last transaction has to do.
    pub fn prove(&self, cx: &Context<'_>, draft: &mut Draft) -> Result<Vec<String>, Refusal> {
        let (table, column) = (&self.added.table, &self.added.def.name);
        let mut contract = Vec::new();
        if !self.added.not_null {
            return Ok(contract);
        }
        let name = pieces::not_null_name(cx, table, column);
        let proof = pieces::prove_not_null(draft, cx, table, column, &name, PhaseName::Migrate);
        contract.extend(proof.contract);
        let key = self
            .added
            .def
            .constraints
            .iter()
            .find(|one| matches!(one.kind, ColumnConstraintKind::PrimaryKey));
        if let Some(constraint) = key {
            // The server wants the partition key in it, which a new column is no part of.
            cx.plain_table(table)?;
            if let Some(other) = cx
                .before
                .tables
                .get(table)
                .and_then(|known| known.primary_key())
            {
                return Err(add_primary_key::second_key(table, other));
            }
            contract.splice(0..0, add_primary_key::drop_of_replaced(cx, table, draft));
            let key = Key {
                primary: true,
                columns: vec![column.clone()],
                include: Vec::new(),
                nulls_not_distinct: false,
                without_overlaps: false,
                options: None,
                tablespace: None,
            };
            let new = NewKey {
                table,
                key: &key,
                written: constraint.name.as_ref(),
                attributes: constraint.attributes,
            };
            let mut steps = Draft::default();
            let built = new.build(cx, &mut steps)?;
            contract.push(built.attach);
            // What it reads is this very column.
            steps.touches.retain(|touch| touch.written_in.is_some());
            draft.steps.extend(steps.steps);
            draft.conditions.extend(steps.conditions);
            draft.touches.extend(steps.touches);
        }
        Ok(contract)
    }
}

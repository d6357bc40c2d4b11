//! CREATE INDEX on a partitioned table, which takes no CONCURRENTLY (manual, "CREATE INDEX"): the
//! index ON ONLY the partitioned table, each partition's part CONCURRENTLY, the parts attached.

use crate::{
    catalog::{Table, TableKind},
    fix::Segment,
    ident::{Ident, ObjectName},
    lint::Context,
    parse::statement::CreateIndex,
};

/// What stands for the statement; `None` when a partition is on another server or when the name of
/// its part cannot be told.
pub(super) fn create_index(
    context: &Context<'_>,
    create: &CreateIndex,
    table: &Table,
) -> Option<Vec<Segment>> {
    if create.only || create.if_not_exists {
        return None;
    }
    let after = context.after.tables.get(&table.name)?;
    let made = || {
        let mut new = after.indexes.iter();
        let new = new.find(|index| table.index(&index.name).is_none())?;
        Some(new.name.clone())
    };
    let name = create.name.clone().or_else(made)?;
    let mut parts = Parts {
        context,
        create,
        segments: Vec::new(),
    };
    let sql = parts.sql("", &name, &format!("ONLY {}", create.table));
    parts.segments.push(Segment::shared(sql));
    parts.below(table, &table.name.sibling(name))?;
    Some(parts.segments)
}

struct Parts<'a> {
    context: &'a Context<'a>,
    create: &'a CreateIndex,
    segments: Vec<Segment>,
}

impl Parts<'_> {
    /// The parts of an index that stands on a partitioned table, in the order of their names.
    fn below(&mut self, table: &Table, index: &ObjectName) -> Option<()> {
        let mut children = table.children.clone();
        children.sort();
        for child in children {
            let before = self.context.before.tables.get(&child)?;
            let after = self.context.after.tables.get(&child)?;
            let part = after
                .indexes
                .iter()
                .find(|part| part.parent.as_ref() == Some(index))?;
            let own = child.sibling(part.name.clone());
            match (before.kind, before.index(&part.name)) {
                // An index of the partition that fits becomes the part, with all its own parts.
                (_, Some(there)) if there.valid => {
                    self.attach(index, &own);
                }
                (TableKind::Table, None) => {
                    let sql = self.sql("CONCURRENTLY ", &part.name, &child.to_string());
                    self.segments.push(Segment::alone(sql));
                    self.attach(index, &own);
                }
                (TableKind::Partitioned, None) => {
                    let sql = self.sql("", &part.name, &format!("ONLY {child}"));
                    self.segments.push(Segment::shared(sql));
                    self.attach(index, &own);
                    self.below(before, &own)?;
                }
                (_, Some(_)) | (TableKind::Foreign | TableKind::MaterializedView, None) => {
                    return None;
                }
            }
        }
        Some(())
    }

    fn attach(&mut self, index: &ObjectName, part: &ObjectName) {
        let sql = format!("ALTER INDEX {index} ATTACH PARTITION {part}");
        self.segments.push(Segment::shared(sql));
    }

    fn sql(&self, concurrently: &str, name: &Ident, on: &str) -> String {
        let unique = if self.create.unique { "UNIQUE " } else { "" };
        let definition = self.context.slice(self.create.definition);
        format!("CREATE {unique}INDEX {concurrently}{name} ON {on} {definition}")
    }
}

//! The statements of a backfill, as the plan shows them and as they are sent.
//!
//! One transaction fills one [`Slice`]: the rows of a range of pages whose `ctid` falls into one
//! of several classes. Nothing here decides which slice comes when; that is
//! `execute::backfill`.

use crate::{
    ident::{Ident, ObjectName, quote_literal},
    plan::{Backfill, Batches, Bypass, Walk},
};

/// What is done to the rows of some pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work<'a> {
    /// A column is filled.
    Fill(&'a Backfill),
    /// A statement of the migration is carried out.
    Rows(&'a Batches),
}

impl Work<'_> {
    /// The relations with storage, in order.
    pub fn relations(&self) -> &[ObjectName] {
        match self {
            Self::Fill(backfill) => &backfill.relations,
            Self::Rows(batches) => &batches.relations,
        }
    }

    /// The statement for one slice of one relation.
    pub fn slice_sql(&self, relation: &ObjectName, slice: Slice) -> String {
        match self {
            Self::Fill(backfill) => pass_sql(backfill, relation, slice),
            Self::Rows(batches) => {
                let class = class_of(slice, &format!("{}.ctid", batches.row));
                batches.slice_sql(relation, slice, class.as_deref())
            }
        }
    }
}

/// Some of the rows of the pages from `start` up to but without `end`: its place on the page puts
/// each row into one of `passes` classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The first page.
    pub start: u32,
    /// One past the last page.
    pub end: u32,
    /// How many classes there are.
    pub passes: u32,
    /// Which of them are meant.
    pub classes: Classes,
}

/// One class of rows, or all that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classes {
    /// This one, counted from 0.
    One(u32),
    /// This one and all after it.
    From(u32),
}

impl Slice {
    /// How many of the classes are meant.
    pub fn class_count(&self) -> u32 {
        match self.classes {
            Classes::One(_) => 1,
            Classes::From(first) => self.passes.saturating_sub(first),
        }
    }

    /// How many pages it has.
    pub fn pages(&self) -> u32 {
        self.end.saturating_sub(self.start)
    }
}

/// READ COMMITTED, so that a row which a client changes meanwhile is judged again.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// What a transaction of a backfill sets before it touches a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassSettings<'a> {
    /// What lets it past the sync triggers.
    pub bypass: &'a Bypass,
    /// Where unqualified names are looked up: those of the migration's expressions, and those in
    /// functions of the user's triggers. Empty: as the session has it.
    pub search_path: &'a [Ident],
    /// The role it runs as, when that is not the one that is connected.
    pub role: Option<&'a Ident>,
}

impl PassSettings<'_> {
    /// BEGIN and what always follows it. The timeouts depend on the server and come after.
    ///
    /// READ COMMITTED, whatever the role's default says: a row that a client changes meanwhile is
    /// then judged again in its new form instead of failing the transaction.
    pub fn begin(&self) -> Vec<String> {
        let mut sql = vec![
            BEGIN.to_owned(),
            "SET LOCAL synchronous_commit = off".to_owned(),
            format!(
                "SET LOCAL {} = {}",
                self.setting_name(),
                quote_literal(&self.bypass.secret)
            ),
        ];
        sql.extend(Self::page_by_page());
        self.surround(sql)
    }

    /// The same for a statement of the migration: what it changes is a change like a client's, so
    /// the sync triggers see it. One that reads other tables may find their rows by an index.
    pub fn begin_rows(&self, batches: &Batches) -> Vec<String> {
        let mut sql = vec![
            BEGIN.to_owned(),
            "SET LOCAL synchronous_commit = off".to_owned(),
        ];
        match batches.walk {
            Walk::Pages { .. } if !batches.reads_others => sql.extend(Self::page_by_page()),
            Walk::Pages { .. } | Walk::Key { .. } => {}
        }
        self.surround(sql)
    }

    /// What makes the server read a range of pages as such.
    fn page_by_page() -> [String; 4] {
        [
            // A range of pages is read by a Tid Range Scan; no estimate may talk the server into
            // anything else.
            "SET LOCAL enable_seqscan = off".to_owned(),
            "SET LOCAL enable_indexscan = off".to_owned(),
            "SET LOCAL enable_bitmapscan = off".to_owned(),
            // Before PostgreSQL 18 what is switched off counts as so dear that each pass would be
            // compiled first.
            "SET LOCAL jit = off".to_owned(),
        ]
    }

    /// Adds where names are looked up, and who does it.
    fn surround(&self, mut sql: Vec<String>) -> Vec<String> {
        if !self.search_path.is_empty() {
            let names: Vec<String> = self.search_path.iter().map(Ident::quoted).collect();
            sql.push(format!("SET LOCAL search_path = {}", names.join(", ")));
        }
        if let Some(role) = self.role {
            sql.insert(1, format!("SET LOCAL ROLE {role}"));
        }
        sql
    }

    /// A setting's name has two parts, each an identifier.
    fn setting_name(&self) -> String {
        self.bypass
            .setting
            .split('.')
            .map(|part| Ident::exact(part).quoted())
            .collect::<Vec<_>>()
            .join(".")
    }
}

/// The UPDATE of one slice of one relation.
pub fn pass_sql(backfill: &Backfill, relation: &ObjectName, slice: Slice) -> String {
    let class = class_of(slice, "ctid");
    update(
        backfill,
        relation,
        &slice.start.to_string(),
        &slice.end.to_string(),
        class,
    )
}

/// The condition for the classes of a slice; `None` when all are meant.
fn class_of(slice: Slice, ctid: &str) -> Option<String> {
    let passes = slice.passes;
    match slice.classes {
        Classes::One(0) if passes == 1 => None,
        Classes::From(0) => None,
        Classes::One(class) => Some(class_condition(
            ctid,
            &passes.to_string(),
            &format!("= {class}"),
        )),
        Classes::From(class) => Some(class_condition(
            ctid,
            &passes.to_string(),
            &format!(">= {class}"),
        )),
    }
}

/// Everything one transaction of a backfill sends about the user's table, with `{…}` for what
/// changes from one to the next: what a plan shows.
pub fn pass_template(
    backfill: &Backfill,
    relation: &ObjectName,
    settings: &PassSettings<'_>,
) -> Vec<String> {
    let mut sql = settings.begin();
    sql.push("SET LOCAL lock_timeout = '{milliseconds}ms'".to_owned());
    sql.push("SET LOCAL statement_timeout = '{milliseconds}ms'".to_owned());
    sql.push(lock_sql(relation));
    sql.push(update(
        backfill,
        relation,
        "{first page}",
        "{end page}",
        Some(class_condition("ctid", "{passes}", "= {pass}")),
    ));
    if settings.role.is_some() {
        sql.push("SET LOCAL ROLE NONE".to_owned());
    }
    sql.push("COMMIT".to_owned());
    sql
}

/// Takes the lock of an UPDATE before the UPDATE, so that a wait for the table can be told from a
/// wait for a row.
pub fn lock_sql(relation: &ObjectName) -> String {
    format!("LOCK TABLE ONLY {relation} IN ROW EXCLUSIVE MODE")
}

fn update(
    backfill: &Backfill,
    relation: &ObjectName,
    start: &str,
    end: &str,
    class: Option<String>,
) -> String {
    let set: Vec<String> = backfill
        .set
        .iter()
        .map(|assignment| format!("{} = {}", assignment.column, assignment.value))
        .collect();
    format!(
        "UPDATE ONLY {relation} SET {} WHERE ctid >= '({start},0)' AND ctid < '({end},0)'{} \
         AND ({})",
        set.join(", "),
        class.unwrap_or_default(),
        backfill.unfilled
    )
}

/// A row's class is the number of its line pointer, modulo the number of classes. `tidsend` gives
/// block and number in six bytes, of which the last is the lower byte of the number. So the
/// classes of a page are equally large, and a pass needs as much space as the one before it left;
/// with a hash of the place they are not, and a third more rows leave their pages.
fn class_condition(ctid: &str, passes: &str, comparison: &str) -> String {
    format!(" AND pg_catalog.get_byte(pg_catalog.tidsend({ctid}), 5) % {passes} {comparison}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Assignment;

    fn backfill() -> Backfill {
        Backfill {
            table: ObjectName::public("Users"),
            relations: vec![ObjectName::public("Users")],
            set: vec![Assignment {
                column: Ident::exact("full name"),
                value: "upper(name)".to_owned(),
            }],
            unfilled: "\"full name\" IS NULL".to_owned(),
            volatile: false,
        }
    }

    #[test]
    fn a_slice_is_a_range_of_pages_and_a_class_of_rows() {
        let slice = Slice {
            start: 200,
            end: 400,
            passes: 10,
            classes: Classes::One(3),
        };
        let backfill = backfill();
        assert_eq!(
            pass_sql(&backfill, &backfill.table, slice),
            "UPDATE ONLY public.\"Users\" SET \"full name\" = upper(name) \
             WHERE ctid >= '(200,0)' AND ctid < '(400,0)' \
             AND pg_catalog.get_byte(pg_catalog.tidsend(ctid), 5) % 10 = 3 AND (\"full name\" IS NULL)"
        );
        let whole = Slice {
            classes: Classes::From(0),
            ..slice
        };
        assert_eq!(
            pass_sql(&backfill, &backfill.table, whole),
            "UPDATE ONLY public.\"Users\" SET \"full name\" = upper(name) \
             WHERE ctid >= '(200,0)' AND ctid < '(400,0)' AND (\"full name\" IS NULL)"
        );
        let rest = Slice {
            classes: Classes::From(4),
            ..slice
        };
        assert!(pass_sql(&backfill, &backfill.table, rest).contains(" % 10 >= 4 AND "));
        assert_eq!((slice.class_count(), rest.class_count()), (1, 6));
    }

    #[test]
    fn the_template_differs_from_what_is_sent_only_in_the_marks() {
        let bypass = Bypass {
            setting: "zdm.bypass_1a2b3c4d".to_owned(),
            secret: "it's".to_owned(),
        };
        let path = [Ident::exact("public"), Ident::exact("My Schema")];
        let settings = PassSettings {
            bypass: &bypass,
            search_path: &path,
            role: Some(&Ident::exact("owner")),
        };
        let backfill = backfill();
        let template = pass_template(&backfill, &backfill.table, &settings);
        assert_eq!(template[1], "SET LOCAL ROLE owner");
        assert_eq!(template[3], "SET LOCAL zdm.bypass_1a2b3c4d = 'it''s'");
        assert_eq!(template[8], "SET LOCAL search_path = public, \"My Schema\"");
        let update = template[template.len() - 3]
            .replace("{first page}", "0")
            .replace("{end page}", "8")
            .replace("{passes}", "4")
            .replace("{pass}", "1");
        let slice = Slice {
            start: 0,
            end: 8,
            passes: 4,
            classes: Classes::One(1),
        };
        assert_eq!(update, pass_sql(&backfill, &backfill.table, slice));
    }
}

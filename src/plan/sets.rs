//! What a whole migration reads and writes, stored with its plan: whether two migrations may be in
//! flight at once is decided by this alone.
//!
//! Within a file [`crate::plan::order`] knows in which phase each part is finished; between files
//! nothing is finished before the migration is, so the phases do not count here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::plan::draft::{Element, Touch};

/// The read and the write set of a migration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sets {
    /// What it relies on.
    pub reads: BTreeSet<Element>,
    /// What it changes, makes or takes away.
    pub writes: BTreeSet<Element>,
}

impl Sets {
    /// The sets of everything that is touched.
    pub fn of<'a>(touches: impl IntoIterator<Item = &'a Touch>) -> Self {
        let mut sets = Self::default();
        for touch in touches {
            let set = match touch.written_in {
                Some(_) => &mut sets.writes,
                None => &mut sets.reads,
            };
            set.insert(touch.element.clone());
        }
        sets.reads.retain(|read| !sets.writes.contains(read));
        sets
    }

    /// What both touch and at least one of them changes, in words; nothing when they are disjoint.
    pub fn shared(&self, other: &Self) -> Vec<String> {
        let mine = self.writes.iter();
        let found: BTreeSet<String> = mine
            .flat_map(|write| {
                // Partitions come and go in any order.
                let writes = other.writes.iter().filter(move |theirs| {
                    let both = (write, *theirs);
                    !matches!(both, (Element::Partitions(_), Element::Partitions(_)))
                });
                writes
                    .chain(&other.reads)
                    .map(move |touched| (write, touched))
            })
            .chain(
                self.reads
                    .iter()
                    .flat_map(|read| other.writes.iter().map(move |write| (read, write))),
            )
            .filter(|(mine, theirs)| meet(mine, theirs))
            .map(|(mine, theirs)| narrower(mine, theirs).in_words())
            .collect();
        found.into_iter().collect()
    }
}

/// Whether two parts of different migrations may be the same thing. An index on two columns is made
/// anew by each migration that moves one of them, so unlike within a file it counts.
fn meet(mine: &Element, theirs: &Element) -> bool {
    match (mine, theirs) {
        (Element::Hanging(left), Element::Hanging(right)) => left == right,
        _ => mine.overlaps(theirs),
    }
}

/// The one of two overlapping parts that says more.
fn narrower<'a>(mine: &'a Element, theirs: &'a Element) -> &'a Element {
    match (mine, theirs) {
        (Element::Anything, _)
        | (Element::Relation(_), Element::Column(..) | Element::Default(..)) => theirs,
        _ => mine,
    }
}

impl Element {
    /// `users`, `users.name`, `users_name_idx`.
    pub fn in_words(&self) -> String {
        match self {
            Self::Relation(name) | Self::Name(name) | Self::Hanging(name) => name.short(),
            Self::Column(table, column) => format!("{}.{column}", table.short()),
            Self::Default(table, column) => format!("the default of {}.{column}", table.short()),
            Self::Rows(table) => format!("the rows of {}", table.short()),
            Self::Partitions(table) => format!("the partitions of {}", table.short()),
            Self::Anything => "something that zdm cannot name".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ident::{Ident, ObjectName},
        parse::PhaseName,
    };

    fn column(name: &str) -> Element {
        Element::Column(ObjectName::public("users"), Ident::exact(name))
    }

    fn index() -> Element {
        Element::Hanging(ObjectName::public("users_a_b"))
    }

    fn write(element: Element) -> Touch {
        Touch::write(element, PhaseName::Contract)
    }

    fn shared(mine: &[Touch], theirs: &[Touch]) -> Vec<String> {
        let (mine, theirs) = (Sets::of(mine), Sets::of(theirs));
        let found = mine.shared(&theirs);
        assert_eq!(found, theirs.shared(&mine), "it does not matter who asks");
        found
    }

    #[test]
    fn two_columns_of_one_table_are_disjoint_and_one_column_is_not() {
        let none: [String; 0] = [];
        assert_eq!(shared(&[write(column("a"))], &[write(column("b"))]), none);
        assert_eq!(
            shared(&[write(column("a"))], &[Touch::read(column("a"))]),
            ["users.a"]
        );
    }

    #[test]
    fn what_both_only_read_is_shared_freely() {
        let none: [String; 0] = [];
        assert_eq!(
            shared(&[Touch::read(column("a"))], &[Touch::read(column("a"))]),
            none
        );
    }

    #[test]
    fn a_whole_table_meets_each_of_its_columns() {
        let whole = Element::Relation(ObjectName::public("users"));
        assert_eq!(
            shared(&[Touch::read(whole)], &[write(column("a"))]),
            ["users.a"]
        );
    }

    #[test]
    fn an_index_over_columns_of_both_is_shared() {
        assert_eq!(shared(&[write(index())], &[write(index())]), ["users_a_b"]);
    }

    #[test]
    fn what_is_not_known_meets_everything() {
        assert_eq!(
            shared(&[write(Element::Anything)], &[Touch::read(column("a"))]),
            ["users.a"]
        );
    }
}

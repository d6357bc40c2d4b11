//! In which phase each operation's steps run.
//!
//! A step goes to the phase its recipe says, and never before an earlier operation that it
//! conflicts with: then it moves to the phase in which that one is finished with what they share.
//! Within a phase, file order. So any file, however interleaved, ends as plain execution does.

use crate::{
    parse::PhaseName,
    plan::draft::{Draft, Element},
};

/// A new application's need that ended up in contract: operation and step title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateExpand {
    /// Position of the operation in the file.
    pub operation: usize,
    /// Position of the earlier operation that holds it back.
    pub behind: usize,
    /// The step's title.
    pub title: String,
}

/// Moves steps to later phases where an earlier operation demands it. `drafts` are in file order,
/// each with the position of its operation.
pub fn order(drafts: &mut [(usize, Draft)]) -> Vec<LateExpand> {
    let mut late = Vec::new();
    let mut earliest: Vec<PhaseName> = Vec::with_capacity(drafts.len());
    for at in 0..drafts.len() {
        let (done, rest) = drafts.split_at_mut(at);
        let (operation, draft) = &mut rest[0];
        let held_by = done
            .iter()
            .zip(&earliest)
            .filter_map(|((position, before), moved)| {
                conflict(before, draft).map(|phase| (phase.max(*moved), *position))
            })
            .max_by_key(|(phase, _)| *phase);
        let least = held_by.map_or(PhaseName::Expand, |(phase, _)| phase);
        for step in &mut draft.steps {
            if step.phase >= least {
                continue;
            }
            if least == PhaseName::Contract
                && step.new_needs_it
                && let Some((_, behind)) = held_by
            {
                late.push(LateExpand {
                    operation: *operation,
                    behind,
                    title: step.step.title.clone(),
                });
            }
            step.phase = least;
        }
        earliest.push(least);
    }
    late
}

/// The phase in which `before` is finished with what both touch, if they conflict.
fn conflict(before: &Draft, after: &Draft) -> Option<PhaseName> {
    before
        .touches
        .iter()
        .flat_map(|first| after.touches.iter().map(move |second| (first, second)))
        .filter(|(first, second)| !second.at_the_end && first.element.overlaps(&second.element))
        .filter(|(first, second)| !apart(&first.element, &second.element))
        .filter(|(first, second)| {
            let both_written = first.written_in.is_some() && second.written_in.is_some();
            !(both_written && commute(&first.element, &second.element))
        })
        .filter_map(
            |(first, second)| match (first.written_in, second.written_in) {
                (Some(phase), _) => Some(phase),
                // A read must not see what a later write makes of it: the write waits for the phase
                // of the reader, which is over when its own steps are.
                (None, Some(_)) => before.steps.iter().map(|step| step.phase).max(),
                (None, None) => None,
            },
        )
        .max()
}

/// Whether one of both is the default of a column and the other something else about it: an index
/// on the column, or its new name, need not wait until it has lost its default.
fn apart(first: &Element, second: &Element) -> bool {
    matches!(
        (first, second),
        (Element::Default(..), Element::Column(..)) | (Element::Column(..), Element::Default(..))
    )
}

/// Whether two changes of the same thing may happen in any order.
fn commute(first: &Element, second: &Element) -> bool {
    matches!(
        (first, second),
        (Element::Partitions(_), Element::Partitions(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ident::{Ident, ObjectName},
        plan::{
            StepKind,
            draft::{Touch, step},
        },
    };

    fn draft(phase: PhaseName, touches: Vec<Touch>) -> Draft {
        let mut draft = Draft {
            touches,
            ..Draft::default()
        };
        draft.push(phase, step(StepKind::Ddl, "x", "")).new_needs_it = true;
        draft
    }

    fn column(name: &str) -> Element {
        Element::Column(ObjectName::public("t"), Ident::exact(name))
    }

    #[test]
    fn drop_and_add_of_different_columns_commute() {
        let mut drafts = [
            (
                0,
                draft(
                    PhaseName::Contract,
                    vec![Touch::write(column("a"), PhaseName::Contract)],
                ),
            ),
            (
                1,
                draft(
                    PhaseName::Expand,
                    vec![Touch::write(column("b"), PhaseName::Expand)],
                ),
            ),
        ];
        assert!(order(&mut drafts).is_empty());
        assert_eq!(drafts[1].1.steps[0].phase, PhaseName::Expand);
    }

    #[test]
    fn drop_and_add_of_the_same_column_do_not() {
        let mut drafts = [
            (
                0,
                draft(
                    PhaseName::Contract,
                    vec![Touch::write(column("a"), PhaseName::Contract)],
                ),
            ),
            (
                1,
                draft(
                    PhaseName::Expand,
                    vec![Touch::write(column("a"), PhaseName::Expand)],
                ),
            ),
        ];
        let late = order(&mut drafts);
        assert_eq!(drafts[1].1.steps[0].phase, PhaseName::Contract);
        assert_eq!((late[0].operation, late[0].behind), (1, 0));
    }

    #[test]
    fn a_chain_moves_as_a_whole() {
        let mut drafts = [
            (
                0,
                draft(
                    PhaseName::Contract,
                    vec![Touch::write(column("a"), PhaseName::Contract)],
                ),
            ),
            (
                1,
                draft(
                    PhaseName::Expand,
                    vec![
                        Touch::read(column("a")),
                        Touch::write(column("b"), PhaseName::Expand),
                    ],
                ),
            ),
            (2, draft(PhaseName::Migrate, vec![Touch::read(column("b"))])),
        ];
        order(&mut drafts);
        assert_eq!(drafts[2].1.steps[0].phase, PhaseName::Contract);
    }

    #[test]
    fn partitions_commute_and_what_is_done_to_all_of_them_waits() {
        let partitions = || Element::Partitions(ObjectName::public("t"));
        let gone = || Touch::write(partitions(), PhaseName::Contract);
        let made = || Touch::write(partitions(), PhaseName::Expand);
        for (second, phase) in [
            (made(), PhaseName::Expand),
            (Touch::read(partitions()), PhaseName::Contract),
        ] {
            let mut drafts = [
                (0, draft(PhaseName::Contract, vec![gone()])),
                (1, draft(PhaseName::Expand, vec![second])),
            ];
            order(&mut drafts);
            assert_eq!(drafts[1].1.steps[0].phase, phase);
        }
    }

    #[test]
    fn a_whole_relation_overlaps_its_columns() {
        let whole = Element::Relation(ObjectName::public("t"));
        assert!(whole.overlaps(&column("a")));
        assert!(!column("b").overlaps(&column("a")));
        assert!(Element::Anything.overlaps(&column("a")));
    }
}

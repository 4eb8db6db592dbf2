//! A profile, and the parts that it would fall into.

use std::borrow::Cow;

use profile360_compact_json::sort::distinct;
use serde::Serialize;

use super::{
    card::{Figures, ShownProfile},
    checked::CheckedFacts,
    difference::{Difference, LinkChanges, PreviewStatus},
    error::PreviewError,
    merge::{is_previewed, previewed},
    shown::ShownDecision,
    situation::Situation,
};
use crate::{
    api_serde,
    evidence::{
        decision::{Decision, Relation},
        link::Pair,
    },
    identifier::{
        Identifier,
        normalise::{Normalised, normalise},
    },
    time::Timestamp,
};

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UnmergeQuestion {
    pub change: Change,
    pub figures: Figures,
}

/// A change that can part what is together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// As if no message had ever named both together.
    Cut { a: Identifier, b: Identifier },
    /// An operator says that they are two customers.
    Different { a: Identifier, b: Identifier },
    /// An operator takes a decision back, by its key.
    Revoke { decision: String },
    /// The value belongs to its next owner from a time on.
    Retire {
        identifier: Identifier,
        #[serde(serialize_with = "api_serde::date_time")]
        from: Timestamp,
    },
}

/// What the server would do.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UnmergePreview {
    pub status: PreviewStatus,
    /// What the mutation takes as `expectedRevision`.
    pub expected_revision: String,
    /// The profiles that are concerned or would change, in the order of their first identifiers.
    pub before: Vec<ShownProfile>,
    /// What these identifiers would be in. Where nothing parts, these are the profiles of before.
    pub after: Vec<ShownProfile>,
    pub links: LinkChanges,
    /// The decisions that exclude it.
    pub contradictions: Vec<ShownDecision>,
}

impl CheckedFacts {
    /// What would become of profiles if evidence were gone or an operator decided.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownIdentifier`], [`PreviewError::UnknownLink`], [`PreviewError::UnknownDecision`],
    /// [`PreviewError::OneIdentifier`] and [`PreviewError::IncompleteFacts`]; [`PreviewError::NeedsMessages`] where an
    /// identifier is to be retired from a time on that is not after its last sighting.
    pub fn unmerge_preview(&self, question: &UnmergeQuestion) -> Result<UnmergePreview, PreviewError> {
        let Changed { situation, ends, status, opposite } = self.changed(&question.change)?;
        situation.check_complete()?;
        let figures = &question.figures;
        let nodes: Vec<usize> = ends.iter().filter_map(|it| self.facts.position_of(it)).collect();
        let cell_of = &self.resolved().partition.cell_of;
        let concerned = distinct(nodes.iter().filter_map(|it| cell_of.get(*it).copied()));
        let difference = Difference::new(self, situation);
        let is_made = matches!(question.change, Change::Different { .. }) && status == PreviewStatus::Applied;
        let contradictions = match opposite {
            Some(decision) => vec![difference.after.shown_decision(&decision)],
            None if is_made => difference.excluded(&nodes, is_previewed),
            None => Vec::new(),
        };
        let is_contradicted = !contradictions.is_empty();
        let (before, after) = if is_contradicted { (concerned.clone(), Vec::new()) } else { difference.cells(&nodes) };
        Ok(UnmergePreview {
            status: if is_contradicted { PreviewStatus::Contradicted } else { status },
            expected_revision: self.revision_of_cells(&concerned),
            before: before.into_iter().map(|it| difference.shown_before(it, figures)).collect(),
            after: after.into_iter().map(|it| difference.shown_after(it, figures)).collect(),
            links: if is_contradicted { LinkChanges::default() } else { difference.links() },
            contradictions,
        })
    }

    fn changed(&self, change: &Change) -> Result<Changed<'_>, PreviewError> {
        let mut situation = self.situation();
        let mut status = PreviewStatus::Applied;
        let mut opposite = None;
        let ends = match change {
            Change::Cut { a, b } => {
                let find = |pair: &Pair| self.facts.links.binary_search_by(|it| it.pair.cmp(pair));
                // A link of an earlier owner can be cut too, where it is named as it is.
                let named = Pair::new(a, b).filter(|it| find(it).is_ok());
                let pair = named.map_or_else(|| self.pair(a, b), Ok)?;
                situation = situation.without_link(find(&pair).map_err(|_| PreviewError::UnknownLink)?);
                vec![pair.a, pair.b]
            }
            Change::Different { a, b } => {
                let pair = self.pair(a, b)?;
                for end in [&pair.a, &pair.b] {
                    self.facts.position_of(end).ok_or(PreviewError::UnknownIdentifier)?;
                }
                let there = situation.decisions_about(&pair.a).find(|it| it.pair == pair).cloned();
                match there {
                    Some(there) if there.relation == Relation::Different => status = PreviewStatus::NoChange,
                    Some(there) => opposite = Some(there),
                    None => {
                        situation.decisions.push(Cow::Owned(previewed(Relation::Different, pair.clone(), 0)));
                    }
                }
                vec![pair.a, pair.b]
            }
            Change::Revoke { decision } => {
                let found = self.facts.decisions.iter().find(|it| *it.id == **decision);
                let found = found.ok_or(PreviewError::UnknownDecision)?;
                if !found.is_active() {
                    status = PreviewStatus::NoChange;
                }
                situation.decisions.retain(|it| it.id != found.id);
                vec![found.pair.a.clone(), found.pair.b.clone()]
            }
            Change::Retire { identifier, from } => {
                let identifier = self.known(identifier);
                let node = self.facts.position_of(&identifier).ok_or(PreviewError::UnknownIdentifier)?;
                let own = self.facts.identifiers.get(node).ok_or(PreviewError::UnknownIdentifier)?;
                if *from <= own.facts.seen.last_seen {
                    return Err(PreviewError::NeedsMessages(
                        "the identifier was seen from that time on, and which messages would go to its next owner is not in \
                         the facts; choose a time after its last sighting",
                    ));
                }
                situation = situation.with_retired(node, *from);
                vec![identifier]
            }
        };
        Ok(Changed { situation, ends, status, opposite })
    }

    fn pair(&self, a: &Identifier, b: &Identifier) -> Result<Pair, PreviewError> {
        Pair::new(&self.known(a), &self.known(b)).ok_or(PreviewError::OneIdentifier)
    }

    /// An identifier as the facts have it, where someone wrote it in another form: of a value that was retired, its owner since,
    /// unless a later one was named.
    pub(super) fn known(&self, named: &Identifier) -> Identifier {
        let rule = self.policy.kind(named.kind.as_str());
        let mut owner = named.clone();
        if self.facts.position_of(named).is_none()
            && let Some(Normalised::Usable { identifier, .. }) =
                rule.map(|it| normalise(&named.value, it, &self.policy))
        {
            owner = identifier.of_generation(named.generation);
        }
        let is_retired = |it: &Identifier| {
            let found = self.facts.position_of(it).and_then(|it| self.facts.identifiers.get(it));
            found.is_some_and(|it| it.retired_at.is_some())
        };
        while is_retired(&owner) {
            owner = owner.of_generation(owner.generation.saturating_add(1));
        }
        owner
    }
}

/// The facts with a change, and whom it is about.
struct Changed<'a> {
    situation: Situation<'a>,
    ends: Vec<Identifier>,
    status: PreviewStatus,
    /// The decision that says the opposite of the same two.
    opposite: Option<Decision>,
}

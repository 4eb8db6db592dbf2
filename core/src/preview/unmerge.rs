//! A profile, and the parts that it would fall into.

use std::borrow::Cow;

use profile360_compact_json::sort::distinct;
use serde::Serialize;

use super::{
    checked::CheckedFacts,
    difference::{Difference, LinkChanges, PreviewStatus},
    error::PreviewError,
    merge::{is_previewed, previewed},
    profile_view::{Figures, ProfileView},
    scenario::Scenario,
    views::DecisionView,
};
use crate::{
    api_serde,
    evidence::{
        decision::{Decision, Relation},
        link::Pair,
    },
    identifier::{
        Identifier,
        normalize::{Normalized, normalize},
    },
    time::Timestamp,
};

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UnmergeParams {
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
    /// An operator revokes a decision, by its key.
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
    /// The `expectedRevision` of the mutation.
    pub expected_revision: String,
    /// The profiles that are concerned or would change, in the order of their first identifiers.
    pub before: Vec<ProfileView>,
    /// What these identifiers would be in. Where nothing parts, these are the profiles of before.
    pub after: Vec<ProfileView>,
    pub links: LinkChanges,
    /// The decisions that exclude it.
    pub contradictions: Vec<DecisionView>,
}

impl CheckedFacts {
    /// What would become of profiles if evidence were gone or an operator decided.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownIdentifier`], [`PreviewError::UnknownLink`], [`PreviewError::UnknownDecision`],
    /// [`PreviewError::OneIdentifier`] and [`PreviewError::IncompleteFacts`]; [`PreviewError::NeedsMessages`] where an
    /// identifier is to be retired from a time on that is not after its last observation.
    pub fn unmerge_preview(&self, params: &UnmergeParams) -> Result<UnmergePreview, PreviewError> {
        let Changed { scenario, ends, status, opposite } = self.changed(&params.change)?;
        scenario.check_complete()?;
        let figures = &params.figures;
        let nodes: Vec<usize> = ends.iter().filter_map(|it| self.facts.position_of(it)).collect();
        let cluster_of = &self.resolved().partition.cluster_of;
        let concerned = distinct(nodes.iter().filter_map(|it| cluster_of.get(*it).copied()));
        let difference = Difference::new(self, scenario);
        let is_made = matches!(params.change, Change::Different { .. }) && status == PreviewStatus::Applied;
        let contradictions = match opposite {
            Some(decision) => vec![difference.after.decision_view(&decision)],
            None if is_made => difference.excluded(&nodes, is_previewed),
            None => Vec::new(),
        };
        let is_contradicted = !contradictions.is_empty();
        let (before, after) =
            if is_contradicted { (concerned.clone(), Vec::new()) } else { difference.clusters(&nodes) };
        Ok(UnmergePreview {
            status: if is_contradicted { PreviewStatus::Contradicted } else { status },
            expected_revision: self.revision_of_clusters(&concerned),
            before: before.into_iter().map(|it| difference.view_before(it, figures)).collect(),
            after: after.into_iter().map(|it| difference.view_after(it, figures)).collect(),
            links: if is_contradicted { LinkChanges::default() } else { difference.links() },
            contradictions,
        })
    }

    fn changed(&self, change: &Change) -> Result<Changed<'_>, PreviewError> {
        let mut scenario = self.scenario();
        let mut status = PreviewStatus::Applied;
        let mut opposite = None;
        let ends = match change {
            Change::Cut { a, b } => {
                let find = |pair: &Pair| self.facts.links.binary_search_by(|it| it.pair.cmp(pair));
                // A link of an earlier owner can be cut too, where it is named as it is.
                let named = Pair::new(a, b).filter(|it| find(it).is_ok());
                let pair = named.map_or_else(|| self.pair(a, b), Ok)?;
                scenario = scenario.without_link(find(&pair).map_err(|_| PreviewError::UnknownLink)?);
                vec![pair.a, pair.b]
            }
            Change::Different { a, b } => {
                let pair = self.pair(a, b)?;
                for end in [&pair.a, &pair.b] {
                    self.facts.position_of(end).ok_or(PreviewError::UnknownIdentifier)?;
                }
                let there = scenario.decisions_about(&pair.a).find(|it| it.pair == pair).cloned();
                match there {
                    Some(there) if there.relation == Relation::Different => status = PreviewStatus::NoChange,
                    Some(there) => opposite = Some(there),
                    None => {
                        scenario.decisions.push(Cow::Owned(previewed(Relation::Different, pair.clone(), 0)));
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
                scenario.decisions.retain(|it| it.id != found.id);
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
                scenario = scenario.with_retired(node, *from);
                vec![identifier]
            }
        };
        Ok(Changed { scenario, ends, status, opposite })
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
            && let Some(Normalized::Usable { identifier, .. }) =
                rule.map(|it| normalize(&named.value, it, &self.policy))
        {
            owner = identifier.of_generation(named.generation);
        }
        let is_retired = |identifier: &Identifier| {
            let position = self.facts.position_of(identifier);
            let found = position.and_then(|position| self.facts.identifiers.get(position));
            found.is_some_and(|known| known.retired_at.is_some())
        };
        while is_retired(&owner) {
            owner = owner.of_generation(owner.generation.saturating_add(1));
        }
        owner
    }
}

/// The facts with a change, and the identifiers that it is about.
struct Changed<'a> {
    scenario: Scenario<'a>,
    ends: Vec<Identifier>,
    status: PreviewStatus,
    /// The decision that says the opposite of the same two.
    opposite: Option<Decision>,
}

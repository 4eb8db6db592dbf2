//! Why two identifiers are one customer, or why they are not, as the server's `explain` answers it.

use std::collections::BTreeSet;

use profile360_compact_json::sort::distinct;
use serde::Serialize;

use super::{
    checked::CheckedFacts,
    error::PreviewError,
    facts::LinkOfFacts,
    scenario::Scenario,
    views::{LinkView, WithheldLinkView},
};
use crate::{
    evidence::{
        decision::Decision,
        link::{Observations, Pair},
    },
    graph::{
        evidence_graph::{Evidence, Step},
        explain::explain,
        rows::LinkState,
    },
    identifier::Identifier,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ExplainParams {
    pub a: Identifier,
    pub b: Identifier,
}

/// `Explanation` of schema.graphql.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ExplanationView {
    pub together: bool,
    pub path: Vec<LinkView>,
    pub blocked_by: Vec<WithheldLinkView>,
}

impl CheckedFacts {
    /// Why two identifiers are one customer, or why they are not.
    ///
    /// # Errors
    ///
    /// [`PreviewError::UnknownIdentifier`] where the facts do not hold one.
    pub fn explain(&self, params: &ExplainParams) -> Result<ExplanationView, PreviewError> {
        let scenario = self.scenario();
        let (a, b) = (self.known(&params.a), self.known(&params.b));
        let Collected { identifiers, links, decisions } = self.collected(&scenario, &[&a, &b])?;
        let evidence = Evidence { identifiers: &identifiers, links: &links, decisions: &decisions };
        let found = explain(evidence, &a, &b, &self.policy);
        let step_view = |step: &Step| match step {
            Step::Link(link) => links.get(*link).map(|(pair, link)| scenario.link_view(pair, &link.seen)),
            Step::Same(decision) => decisions.get(*decision).map(|it| link_view_of_decision(&scenario, it)),
        };
        let withheld_link_view = |link: &usize| {
            let (pair, link) = links.get(*link)?;
            Some(scenario.withheld_link_view(pair, &link.seen, link.withheld.as_ref()?))
        };
        Ok(ExplanationView {
            together: found.together,
            path: found.path.iter().filter_map(step_view).collect(),
            blocked_by: found.blocked_by.iter().filter_map(withheld_link_view).collect(),
        })
    }

    /// The links of the members of some identifiers' profiles, the identifiers at their ends, and the decisions about all of these.
    fn collected(&self, scenario: &Scenario<'_>, of: &[&Identifier]) -> Result<Collected, PreviewError> {
        let partition = &self.resolved().partition;
        let mut members: Vec<&Identifier> = Vec::new();
        for identifier in of {
            let node = self.facts.position_of(identifier).ok_or(PreviewError::UnknownIdentifier)?;
            let cluster = partition.cluster_of.get(node).and_then(|it| partition.clusters.get(*it));
            let nodes = cluster.into_iter().flatten().filter_map(|it| self.facts.identifiers.get(*it));
            members.extend(nodes.map(|it| &it.identifier));
        }
        let members = distinct(members);
        let is_member = |it: &Identifier| members.binary_search(&it).is_ok();
        let is_of_a_member = |it: &&LinkOfFacts| is_member(&it.pair.a) || is_member(&it.pair.b);
        let state = |it: &LinkOfFacts| LinkState { seen: it.seen.clone(), withheld: it.withheld.clone() };
        let mut links: Vec<(Pair, LinkState)> =
            self.facts.links.iter().filter(is_of_a_member).map(|it| (it.pair.clone(), state(it))).collect();
        // What resolution says of them here is the same, wherever the facts came from.
        let resolved = self.resolved();
        for (link, withheld) in resolved.links.iter().zip(&resolved.partition.withheld) {
            let Some(LinkOfFacts { pair, .. }) = self.facts.links.get(*link) else { continue };
            if let Ok(found) = links.binary_search_by(|(it, _)| it.cmp(pair))
                && let Some((_, link)) = links.get_mut(found)
            {
                link.withheld.clone_from(withheld);
            }
        }
        let far_ends = links.iter().flat_map(|(it, _)| [it.a.clone(), it.b.clone()]);
        let ends = distinct(members.iter().copied().cloned().chain(far_ends));
        let is_end = |it: &Identifier| ends.binary_search(it).is_ok();
        let is_about = |it: &Decision| is_end(&it.pair.a) || is_end(&it.pair.b);
        let decisions = scenario.decisions.iter().map(|it| Decision::clone(it)).filter(is_about).collect();
        Ok(Collected { identifiers: ends, links, decisions })
    }
}

struct Collected {
    /// Ascending.
    identifiers: Vec<Identifier>,
    links: Vec<(Pair, LinkState)>,
    decisions: Vec<Decision>,
}

/// A decision in the form of a link. No message made it, so its count is 0.
fn link_view_of_decision(scenario: &Scenario<'_>, decision: &Decision) -> LinkView {
    let seen = Observations {
        first_seen: decision.at,
        last_seen: decision.at,
        count: 0,
        sources: BTreeSet::from([decision.actor.clone()]),
    };
    scenario.link_view(&decision.pair, &seen)
}

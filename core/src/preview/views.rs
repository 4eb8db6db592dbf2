//! Identifiers, links and decisions as the server shows them.

use std::sync::Arc;

use serde::Serialize;

use super::scenario::Scenario;
use crate::{
    api_serde,
    evidence::{
        decision::{Decision, Relation},
        link::{Observations, Pair},
    },
    graph::{input::is_shared, withheld::Withheld},
    identifier::{Identifier, Kind, UnifiedId},
    profile::model::ProfileIdentifier,
    time::Timestamp,
};

/// `Link` of schema.graphql.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LinkView {
    pub a: Arc<ProfileIdentifier>,
    pub b: Arc<ProfileIdentifier>,
    #[serde(serialize_with = "api_serde::date_time")]
    pub first_seen_at: Timestamp,
    #[serde(serialize_with = "api_serde::date_time")]
    pub last_seen_at: Timestamp,
    /// 0 for a decision in the place of a link.
    #[serde(serialize_with = "api_serde::count")]
    pub count: u64,
    pub sources: Vec<Arc<str>>,
    /// The decision about the same two that counts.
    pub decision: Option<DecisionView>,
}

/// `WithheldLink` of schema.graphql.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WithheldLinkView {
    pub link: LinkView,
    #[cfg_attr(test, ts(type = "WithheldReason"))]
    pub reason: &'static str,
    pub detail: String,
    /// Of the reason `LIMIT`: the kind of which both sides together would hold too many.
    pub kind: Option<Kind>,
}

/// `Decision` of schema.graphql, under its key: the server's `id` is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    pub key: Arc<str>,
    pub relation: Relation,
    pub a: Arc<ProfileIdentifier>,
    pub b: Arc<ProfileIdentifier>,
    pub reason: Arc<str>,
    pub actor: Arc<str>,
    #[serde(serialize_with = "api_serde::date_time")]
    pub at: Timestamp,
    #[serde(serialize_with = "api_serde::optional_date_time")]
    pub revoked_at: Option<Timestamp>,
    pub revoked_by: Option<Arc<str>>,
}

impl Scenario<'_> {
    /// An identifier; one that is not in the facts has its kind and value alone.
    pub(super) fn identifier_view(&self, identifier: &Identifier) -> Arc<ProfileIdentifier> {
        let node = self.facts.position_of(identifier);
        let end = || self.facts.ends.binary_search_by(|it| it.identifier.cmp(identifier)).ok();
        let (unified_id, seen, retired_at) = match node {
            Some(node) => {
                let own = self.facts.identifiers.get(node);
                (own.map(|it| it.unified_id), own.map(|it| &it.facts.seen), self.retired_at(node))
            }
            None => {
                let end = end().and_then(|it| self.facts.ends.get(it));
                (end.map(|it| it.unified_id), end.map(|it| &it.seen), end.and_then(|it| it.retired_at))
            }
        };
        Arc::new(ProfileIdentifier {
            kind: identifier.kind.as_str().into(),
            value: identifier.value.clone(),
            unified_id: unified_id.unwrap_or(UnifiedId(uuid::Uuid::nil())),
            first_seen_at: seen.map_or(Timestamp::EARLIEST, |it| it.first_seen),
            last_seen_at: seen.map_or(Timestamp::EARLIEST, |it| it.last_seen),
            sources: seen.map(|it| it.sources.iter().cloned().collect()).unwrap_or_default(),
            shared: self.neighbors_of(identifier).is_some_and(|it| is_shared(&identifier.kind, it, self.policy)),
            retired_at,
        })
    }

    pub(super) fn decision_view(&self, decision: &Decision) -> DecisionView {
        DecisionView {
            key: decision.id.clone(),
            relation: decision.relation,
            a: self.identifier_view(&decision.pair.a),
            b: self.identifier_view(&decision.pair.b),
            reason: decision.reason.clone(),
            actor: decision.actor.clone(),
            at: decision.at,
            revoked_at: decision.revoked.as_ref().map(|it| it.at),
            revoked_by: decision.revoked.as_ref().map(|it| it.actor.clone()),
        }
    }

    pub(super) fn link_view(&self, pair: &Pair, seen: &Observations) -> LinkView {
        let decision = self.decisions_about(&pair.a).find(|it| it.pair == *pair);
        LinkView {
            a: self.identifier_view(&pair.a),
            b: self.identifier_view(&pair.b),
            first_seen_at: seen.first_seen,
            last_seen_at: seen.last_seen,
            count: seen.count,
            sources: seen.sources.iter().cloned().collect(),
            decision: decision.map(|it| self.decision_view(it)),
        }
    }

    pub(super) fn withheld_link_view(&self, pair: &Pair, seen: &Observations, reason: &Withheld) -> WithheldLinkView {
        WithheldLinkView {
            link: self.link_view(pair, seen),
            reason: reason.code(),
            detail: reason.to_string(),
            kind: reason.kind().cloned(),
        }
    }
}

//! The rows that commits have changed while a plan was made concurrently.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use profile360_core::{
    evidence::link::Pair,
    graph::rows::ClusterKey,
    identifier::Identifier,
    plan::{changes::Changes, view::View},
};

/// Keys of rows that were changed, made or removed.
#[derive(Debug, Default)]
pub(super) struct Written {
    identifiers: BTreeSet<Identifier>,
    links: BTreeSet<Pair>,
    clusters: BTreeSet<ClusterKey>,
    orders: BTreeSet<Arc<str>>,
    sessions: BTreeSet<Arc<str>>,
    /// The ends of `links`, including new and removed links: an entry of `View::links_of` requires each of its links.
    linked: BTreeSet<Identifier>,
    has_decisions: bool,
    is_anything: bool,
}

impl Written {
    /// Records that decisions or retirements were made or revoked.
    pub(super) const fn add_decisions(&mut self) {
        self.has_decisions = true;
    }

    /// Records that anything may have changed.
    pub(super) const fn add_anything(&mut self) {
        self.is_anything = true;
    }

    pub(super) fn add(&mut self, changes: &Changes) {
        let Changes {
            identifiers,
            links,
            clusters,
            removed_clusters,
            removed_identifiers,
            removed_links,
            order_states,
            sessions,
            ..
        } = changes;
        self.identifiers.extend(identifiers.keys().chain(removed_identifiers).cloned());
        self.links.extend(links.keys().chain(removed_links).cloned());
        self.clusters.extend(clusters.keys().chain(removed_clusters));
        self.orders.extend(order_states.keys().cloned());
        self.sessions.extend(sessions.keys().cloned());
        self.linked.extend(links.keys().chain(removed_links).flat_map(|it| [it.a.clone(), it.b.clone()]));
    }

    pub(super) const fn is_anything(&self) -> bool {
        self.is_anything
    }

    /// Whether a view depends on anything that was written. Messages need no check: a new one has also changed its home, and one
    /// with the same ID and another home conflicts in the database.
    pub(super) fn overlaps(&self, view: &View) -> bool {
        self.is_anything
            || self.has_decisions
            || self.identifiers.iter().any(|it| view.identifiers.contains_key(it))
            || self.links.iter().any(|it| view.links.contains_key(it))
            || self.clusters.iter().any(|it| view.clusters.contains_key(it))
            || self.orders.iter().any(|it| view.orders.contains_key(it))
            || self.sessions.iter().any(|it| view.sessions.contains_key(it))
            || self.linked.iter().any(|it| view.links_of.contains_key(it))
    }

    /// Removes from a view what was written.
    pub(super) fn invalidate(&self, view: &mut View) {
        if self.is_anything {
            *view = View::default();
            return;
        }
        // There are few, and they are cheap to read again.
        view.messages.clear();
        view.orders.clear();
        view.sessions.clear();
        view.identifiers.retain(|it, _| !self.identifiers.contains(it));
        view.links.retain(|it, _| !self.links.contains(it));
        view.clusters.retain(|it, _| !self.clusters.contains(it));
        view.links_of.retain(|it, _| !self.linked.contains(it));
    }
}

/// Whether two plans depend on the same row, present or absent.
pub(super) fn have_common_rows(one: &View, other: &View) -> bool {
    have_common_keys(&one.identifiers, &other.identifiers)
        || have_common_keys(&one.clusters, &other.clusters)
        || have_common_keys(&one.links, &other.links)
        || have_common_keys(&one.messages, &other.messages)
        || have_common_keys(&one.orders, &other.orders)
        || have_common_keys(&one.sessions, &other.sessions)
}

fn have_common_keys<K: Ord, V>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> bool {
    let (fewer, more) = if one.len() < other.len() { (one, other) } else { (other, one) };
    fewer.keys().any(|key| more.contains_key(key))
}

#[cfg(test)]
mod tests {
    use profile360_core::{
        evidence::link::Observations,
        graph::rows::LinkState,
        identifier::Kind,
        message::parse::parse_message,
        policy::{compiled::CompiledPolicy, document::Policy},
    };

    use super::*;

    /// A link that is seen again has no new ends. Removing only its state would lose it.
    #[test]
    fn links_of_an_identifier_are_kept_or_removed_together() {
        let policy = CompiledPolicy::new(Policy::default()).expect("valid");
        let text = r#"{
            "message_id": "m1", "type": "identify", "timestamp": "2025-03-01T10:00:00Z", "source": "crm",
            "identifiers": { "external_id": "u1", "phone": "010-1234-5678" }
        }"#;
        let message = parse_message(text, &policy).expect("valid").message;
        let [a, b] = message.identifiers.as_slice() else { panic!("two identifiers") };
        let pair = Pair::new(a, b).expect("distinct");
        let link = LinkState { seen: Observations::of(&message), withheld: None };
        let other = Pair::new(a, &Identifier::new(Kind::new("device_id"), "d1")).expect("distinct");
        let mut view = View::default();
        for pair in [&pair, &other] {
            view.links.insert(pair.clone(), Some(Arc::new(link.clone())));
        }
        view.links_of.insert(a.clone(), [pair.clone(), other.clone()].into());
        view.links_of.insert(other.a.clone(), [other.clone()].into());

        let mut changes = Changes::default();
        changes.links.insert(pair, (link, false));
        let mut written = Written::default();
        written.add(&changes);
        assert!(written.overlaps(&view));
        written.invalidate(&mut view);
        let mut listed = view.links_of.values().flat_map(|it| it.iter());
        assert!(listed.all(|it| view.links.contains_key(it)), "{view:?}");
        assert!(view.links.contains_key(&other), "an unchanged link is kept");
    }
}

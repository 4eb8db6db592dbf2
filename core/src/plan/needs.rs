//! Which rows a plan must see.

use std::sync::Arc;

use super::view::{Needs, View};
use crate::{
    evidence::{claim::OrderState, link::pairs_of},
    identifier::Identifier,
    message::{
        Message,
        order::{Order, OrderKey},
    },
};

/// What must be seen first: the rows that the messages name.
pub(super) fn first_needs(messages: &[Message]) -> Needs {
    let mut needs = Needs::default();
    for message in messages {
        needs.messages.insert(message.id.clone());
        needs.identifiers.extend(message.identifiers.iter().cloned());
        needs.links.extend(pairs_of(message));
        needs.sessions.extend(message.session_id.clone());
        needs.orders.extend(order_named_by(message).cloned());
    }
    needs
}

/// The key of the order that a message reports or gives back.
pub(super) fn order_named_by(message: &Message) -> Option<&Arc<str>> {
    match (&message.order, &message.refund) {
        (Some(Order { key: OrderKey::Order(order_id), .. }), _) => Some(order_id),
        (_, Some(refund)) => refund.order_id.as_ref(),
        _ => None,
    }
}

/// The rows that the rows of a view name, without those that it contains.
pub fn next_needs(view: &View) -> Needs {
    let mut needs = Needs::default();
    let of_sessions = view.sessions.values().flatten().map(|it| &it.home);
    let of_orders = view.orders.values().flatten().flat_map(|it| places_of(it));
    for home in of_sessions.chain(of_orders) {
        if !view.identifiers.contains_key(home) {
            needs.identifiers.insert(home.clone());
        }
    }
    for state in view.identifiers.values().flatten() {
        if !view.clusters.contains_key(&state.cluster) {
            needs.clusters.insert(state.cluster);
        }
    }
    needs
}

/// The identifiers under which an order and its refunds lie.
pub(super) fn places_of(state: &OrderState) -> impl Iterator<Item = &Identifier> {
    let senders = state.refunds.values().map(|(sender, _)| sender).filter(|_| state.claim.is_none());
    state.claim.iter().map(|it| &it.home).chain(senders)
}

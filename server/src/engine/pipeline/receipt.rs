//! Receipts: what callers learn of their messages.

use profile360_core::{
    evidence::{
        identifier_summary::{
            Full, MAX_CUSTOM_ATTRIBUTES, MAX_DEVICES, MAX_LONG_ATTRIBUTES, MAX_OBSERVATIONS, MAX_SHORT_BYTES,
        },
        link::MAX_SOURCES,
    },
    message::{Message, refusal::Warning},
    plan::{
        changes::{Changes, OrderNote},
        view::View,
    },
};

use super::Ingested;

/// What became of each message.
pub(super) fn receipts(changes: &Changes, messages: &[Message], view: &View) -> Vec<Ingested> {
    let current = |message: &Message| {
        let state = match changes.identifiers.get(message.home()) {
            Some((state, _)) => &**state,
            None => view.identifiers.get(message.home())?.as_deref()?,
        };
        match changes.clusters.get(&state.cluster) {
            Some((cluster, _)) => Some(cluster.unified_id),
            None => view.clusters.get(&state.cluster)?.as_ref().map(|it| it.unified_id),
        }
    };
    changes
        .outcomes
        .iter()
        .zip(messages)
        .enumerate()
        .map(|(position, ((outcome, id), message))| Ingested {
            outcome: outcome.clone(),
            message_id: message.id.clone(),
            unified_id: id.or_else(|| current(message)),
            warnings: warnings_of(changes, position),
        })
        .collect()
}

/// The warnings that depend on stored data.
fn warnings_of(changes: &Changes, position: usize) -> Vec<Warning> {
    let of_full = changes.over_capacity.get(&position).into_iter().flatten().map(|full| full_warning(*full));
    let of_orders = changes.order_notes.get(&position).map(|news| order_warning(*news));
    of_full.chain(of_orders).collect()
}

fn order_warning(news: OrderNote) -> Warning {
    let (code, path, detail) = match news {
        OrderNote::Moved => (
            "ORDER_MOVED",
            "properties.df_order_id",
            "an order with this ID belonged to another customer and now belongs to this one; if each shop numbers its own orders, set order_ids in the policy so that order IDs are unique by source",
        ),
        OrderNote::OfAnother => (
            "ORDER_TAKEN",
            "properties.df_order_id",
            "a later message assigns an order with this ID to another customer, so this one does not count; if each shop numbers its own orders, set order_ids in the policy so that order IDs are unique by source",
        ),
        OrderNote::RefundRepeated => (
            "REFUND_REPEATED",
            "properties.df_refund_id",
            "a refund of the order with this ID is stored already, so this one does not count",
        ),
        OrderNote::RefundExceeds => (
            "REFUND_EXCEEDS_ORDER",
            "properties.df_total_refund_amount",
            "the refunds of the order exceed what was paid; amounts net of refunds do not fall below zero",
        ),
    };
    Warning { code, path: path.to_owned(), detail: detail.to_owned() }
}

/// Says which part of a message its identifier has no room for. The stored message keeps it.
fn full_warning(full: Full) -> Warning {
    let (code, path, detail) = match full {
        Full::Attributes => (
            "ATTRIBUTES_FULL",
            "attributes",
            format!(
                "an identifier holds at most {MAX_CUSTOM_ATTRIBUTES} custom attributes; those whose names come last were left \
                 out"
            ),
        ),
        Full::Values => (
            "ATTRIBUTE_VALUES_FULL",
            "attributes",
            format!(
                "an attribute has more than {MAX_OBSERVATIONS} values, or more than {MAX_LONG_ATTRIBUTES} attributes have values \
                 longer than {MAX_SHORT_BYTES} bytes; of the rest only the newest, oldest, least and greatest are kept"
            ),
        ),
        Full::Devices => (
            "DEVICES_FULL",
            "device",
            format!("an identifier holds at most {MAX_DEVICES} devices; all but those used last were left out"),
        ),
        Full::Sources => (
            "SOURCES_FULL",
            "source",
            format!(
                "of an identifier at most {MAX_SOURCES} sources are named; those whose names come last were left out"
            ),
        ),
    };
    Warning { code, path: path.to_owned(), detail }
}

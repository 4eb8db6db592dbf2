//! To which message an order or a session belongs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    identifier::Identifier,
    message::{Message, order::Refund},
    money::Currency,
    time::Timestamp,
};

/// Which message an order or a session belongs to, and under which identifier that message is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub at: Timestamp,
    pub message_id: Arc<str>,
    pub home: Identifier,
}

impl Claim {
    pub(crate) fn of(message: &Message) -> Self {
        Self { at: message.at, message_id: message.id.clone(), home: message.home().clone() }
    }

    /// The total order of messages in time.
    pub(crate) fn rank(&self) -> (Timestamp, &str) {
        (self.at, &self.message_id)
    }
}

/// Who has an order, and what was given back of it. Refunds come from anyone, also before the order does, so they are kept
/// here to be found by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// The message that is the order; none as long as only refunds name it.
    #[serde(flatten)]
    pub claim: Option<Claim>,
    /// What that message says was paid.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
    /// By message ID, with the identifier that the message is kept under.
    #[serde(rename = "r", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refunds: BTreeMap<Arc<str>, (Identifier, Refund)>,
}

/// What was paid for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    pub currency: Currency,
    #[serde(deserialize_with = "crate::money::read_decimal")]
    pub amount: Decimal,
}

impl OrderState {
    /// The identifier that a refund counts for: that of the order, else its sender's.
    pub(crate) fn place_of<'s>(&'s self, sender: &'s Identifier) -> &'s Identifier {
        self.claim.as_ref().map_or(sender, |it| &it.home)
    }

    /// Whether what refunds say they give back is more than was paid.
    pub(crate) fn is_exceeded(&self) -> bool {
        let Some(paid) = &self.paid else { return false };
        let mut refunds: Vec<&Refund> = self.refunds.values().map(|(_, it)| it).collect();
        refunds.sort_by_key(|it| (it.at, &it.message_id));
        let mut seen = BTreeSet::new();
        refunds.retain(|it| it.refund_id.as_ref().is_none_or(|id| seen.insert(id)));
        let of_order =
            refunds.into_iter().filter(|refund| refund.currency.is_none_or(|currency| currency == paid.currency));
        paid.amount < of_order.fold(Decimal::ZERO, |sum, it| sum.saturating_add(it.said_amount()))
    }

    /// The refund that counts in the place of one, where it is another of the same ID.
    pub(crate) fn first_reported(&self, refund: &Refund) -> Option<&Refund> {
        let rank = |it: &Refund| (it.at, it.message_id.clone());
        let is_before = |it: &&Refund| it.refund_id == refund.refund_id && rank(it) < rank(refund);
        refund.refund_id.as_ref()?;
        self.refunds.values().map(|(_, it)| it).find(is_before)
    }
}

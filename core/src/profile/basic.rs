//! The basic information of a profile.

use std::{cmp::Reverse, sync::Arc};

use super::model::Member;

/// The value of a kind that the customer was seen under last.
pub(super) fn reachable_at(members: &[&Member<'_>], kind: &str) -> Option<Arc<str>> {
    members
        .iter()
        .filter(|it| it.identifier.kind.as_str() == kind && it.retired_at.is_none())
        .min_by_key(|it| (Reverse(it.last_seen), it.first_seen, &it.identifier.value))
        .map(|it| it.identifier.value.clone())
}

//! Decisions, made or revoked.

use super::{draft::Draft, view::View};
use crate::{
    evidence::decision::{Decision, Decisions},
    policy::compiled::CompiledPolicy,
};

impl<'a> Draft<'a> {
    /// Applies decisions that were made or revoked; `decisions` has them as they are now. The view must hold their identifiers
    /// and what [`next_needs`] asks for then.
    pub fn of_decisions(
        changed: &[Decision],
        view: &View,
        policy: &'a CompiledPolicy,
        decisions: &'a Decisions,
    ) -> Self {
        let mut draft = Self::empty(&[], policy, decisions);
        for end in changed.iter().flat_map(|it| [&it.pair.a, &it.pair.b]) {
            // An identifier that was never seen has no cluster yet; its first message looks the decision up.
            if let Some(state) = view.identifier(end) {
                draft.to_resolve.insert(state.cluster);
            }
        }
        draft
    }
}

//! What of an answer has to be recorded: whether personal data is in it, and of whom.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{Context, ServerError};
use profile360_core::{identifier::UnifiedId, time::Timestamp};
use profile360_store::AuditRow;

use super::{Current, authorization::log_refusal, error::ErrorCode};
use crate::{
    auth::access::{Caller, Permission},
    clock,
    views::profile_view::Customer,
};

/// Unified IDs that one row names at most; what has more has more rows.
const NAMED_IN_A_ROW: usize = 100;

/// What about customers decided who is in an answer. Whose number it is, and who is called so, is told by that alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    /// A whole identifier.
    Identifier,
    /// What was searched for.
    Search,
    /// The order of names.
    Order,
    /// Attributes or areas.
    Filter,
}

impl By {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Search => "search",
            Self::Order => "orderBy",
            Self::Filter => "filter",
        }
    }
}

/// Sees one answer come about.
#[derive(Debug, Default)]
pub(super) struct AccessRecorder(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    operation: BTreeSet<String>,
    has_personal: bool,
    has_changed: bool,
    has_audit: bool,
    by: BTreeSet<By>,
    customers: BTreeSet<UnifiedId>,
    /// Customers of a list, who count where it was decided by what is personal.
    listed: BTreeSet<UnifiedId>,
    /// The latent unified IDs of the identifiers of these customers.
    members: BTreeSet<UnifiedId>,
    /// Those of identifiers that stood alone.
    identifiers: BTreeSet<UnifiedId>,
}

/// Notes that an answer is about a customer.
pub(super) fn saw_customer(ctx: &Context<'_>, customer: &Customer) {
    see(ctx, |seen| {
        if seen.customers.insert(customer.profile.unified_id) {
            seen.members.extend(customer.members.iter().map(|(_, state)| state.unified_id));
        }
    });
}

/// Notes that a customer is in an answer of whom nothing was read yet but that it is there.
pub(super) fn saw_unified_id(ctx: &Context<'_>, unified_id: UnifiedId) {
    see(ctx, |seen| {
        seen.listed.insert(unified_id);
    });
}

/// Notes what decided who is in an answer.
pub(super) fn decided_by(ctx: &Context<'_>, by: By) {
    see(ctx, |seen| {
        seen.by.insert(by);
    });
}

/// Notes that an answer is about an identifier.
pub(super) fn saw_identifier(ctx: &Context<'_>, unified_id: UnifiedId) {
    see(ctx, |seen| {
        seen.identifiers.insert(unified_id);
    });
}

fn see(ctx: &Context<'_>, note: impl FnOnce(&mut Seen)) {
    if let Some(recorder) = ctx.data_opt::<Arc<AccessRecorder>>() {
        recorder.see(note);
    }
}

/// Notes a look-up, and takes it from what those have who see masks.
pub(super) fn look_up(ctx: &Context<'_>, by: By) -> async_graphql::Result<()> {
    let (current, caller) = (ctx.data::<Current>()?, ctx.data::<Caller>()?);
    decided_by(ctx, by);
    let Some(key) = caller.key.as_ref().filter(|_| !caller.may(Permission::ReadPersonal)) else { return Ok(()) };
    let most = current.limits.lookups;
    if current.lookups.take(key, most) {
        return Ok(());
    }
    log_refusal(caller, ErrorCode::TooManyLookups, ctx.field().name());
    Err(ErrorCode::TooManyLookups
        .with(format!("this key looks for at most {most} identifiers a minute; wait a little")))
}

/// Where a caller is recorded and by which key; nowhere where the server has no keys, as there is nobody to name.
///
/// A caller without a key where there are keys, or the other way round, is a fault of the server's: it is answered nothing.
fn recorded_by<A>(audit: Option<A>, caller: &Caller) -> Result<Option<(A, &Arc<str>)>, ServerError> {
    match (audit, &caller.key) {
        (None, None) => Ok(None),
        (Some(audit), Some(key)) => Ok(Some((audit, key))),
        (None, Some(_)) | (Some(_), None) => {
            let sentence = "who asks cannot be recorded, so nothing is answered; show a key, and report this";
            Err(ErrorCode::Unauthenticated.of_request(sentence))
        }
    }
}

impl AccessRecorder {
    fn see(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that a root field was asked for.
    pub(super) fn asked(&self, field: &str) {
        self.see(|seen| {
            seen.operation.insert(field.to_owned());
        });
    }

    /// Notes that something is about to be changed.
    pub(super) fn changes(&self) {
        self.see(|seen| seen.has_changed = true);
    }

    /// Notes that the record itself is read.
    pub(super) fn reads_audit(&self) {
        self.see(|seen| seen.has_audit = true);
    }

    /// Notes that personal data is in the answer.
    pub(super) fn gave_personal(&self) {
        self.see(|seen| seen.has_personal = true);
    }

    /// Records what was seen since the last time, if it has to be; the error that is answered where it cannot be.
    pub(super) async fn record(&self, current: &Current, caller: &Caller) -> Result<(), ServerError> {
        let seen = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let Some((audit, key)) = recorded_by(current.audit.as_ref(), caller)? else { return Ok(()) };
        let actions = seen.actions(caller);
        if actions.is_empty() {
            return Ok(());
        }
        let alone = seen.identifiers.difference(&seen.members);
        let listed = seen.listed.iter().filter(|_| !seen.by.is_empty());
        let subjects: BTreeSet<UnifiedId> = seen.customers.iter().chain(listed).chain(alone).copied().collect();
        let subjects: Vec<UnifiedId> = subjects.into_iter().collect();
        let at = Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST);
        // One that names nobody is a row, too.
        let parts: Vec<&[UnifiedId]> =
            if subjects.is_empty() { vec![&[][..]] } else { subjects.chunks(NAMED_IN_A_ROW).collect() };
        let row = |action: &str, part: &[UnifiedId]| AuditRow {
            at,
            key: key.to_string(),
            actor: caller.name.to_string(),
            role: caller.role.as_str().to_owned(),
            action: action.to_owned(),
            operation: seen.operation.iter().cloned().collect(),
            by: seen.by.iter().map(|by| by.as_str().to_owned()).collect(),
            n_subjects: subjects.len() as u64,
            subjects: part.to_vec(),
        };
        let rows = actions.into_iter().flat_map(|action| parts.iter().map(move |part| (action, *part)));
        let rows = rows.map(|(action, part)| row(action, part)).collect();
        audit.record(rows).await.map_err(|error| ErrorCode::Unavailable.of_request(error.to_string()))
    }
}

impl Seen {
    /// What the caller did, as far as it is recorded.
    fn actions(&self, caller: &Caller) -> Vec<&'static str> {
        let is_personal = caller.may(Permission::ReadPersonal) && self.has_personal;
        let done = [
            (self.has_changed, "CHANGE"),
            (self.has_audit, "AUDIT"),
            (is_personal, "READ"),
            (!is_personal && !self.by.is_empty(), "LOOK_UP"),
        ];
        done.into_iter().filter(|(is_done, _)| *is_done).map(|(_, action)| action).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::recorded_by;
    use crate::auth::{
        access::{Authentication, Caller, Role},
        api_keys::{Keys, Random, Scope},
    };

    #[test]
    fn nobody_without_a_key_is_answered_where_keys_are_recorded() {
        let keyless = Authentication::open(None).expect("there is no file to be read").caller(None);
        let keyless = keyless.expect("it asks for no key");
        let random = Random { id: [1; 6], secret: [2; 32] };
        let (key, _) = Keys::default()
            .create(Role::Admin, Some("mina"), Scope::default(), &random, profile360_core::time::Timestamp::LATEST)
            .expect("a name");
        let holder = Caller::of_key(&key);
        // Where, who: whether it is answered, and whether it is recorded.
        for (audit, caller, wanted) in [
            (None, &keyless, Some(false)),
            (Some(()), &holder, Some(true)),
            (Some(()), &keyless, None),
            (None, &holder, None),
        ] {
            let recorded = recorded_by(audit, caller).map(|it| it.is_some());
            assert_eq!(recorded.ok(), wanted, "{audit:?} {caller:?}");
        }
    }
}

//! What of an answer has to be recorded: whether personal data is in it, and of whom.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{Context, ServerError};
use profile360_core::{identifier::UnifiedId, time::Timestamp};

use super::{Current, error::ErrorCode};
use crate::{
    access::{Caller, Need},
    clock,
    customer::Customer,
    store::AuditRow,
};

/// Unified IDs that one record names at most; it counts all.
const MAX_NAMED: usize = 100;

/// Sees one answer come about.
#[derive(Debug, Default)]
pub(super) struct Witness(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    operation: BTreeSet<String>,
    has_personal: bool,
    looked_up: bool,
    customers: BTreeSet<UnifiedId>,
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

/// Notes that an answer is about an identifier.
pub(super) fn saw_identifier(ctx: &Context<'_>, unified_id: UnifiedId) {
    see(ctx, |seen| {
        seen.identifiers.insert(unified_id);
    });
}

fn see(ctx: &Context<'_>, note: impl FnOnce(&mut Seen)) {
    if let Some(witness) = ctx.data_opt::<Arc<Witness>>() {
        witness.see(note);
    }
}

/// Takes a look-up by an identifier from what those have who see masks.
pub(super) fn look_up(ctx: &Context<'_>) -> async_graphql::Result<()> {
    let (current, caller) = (ctx.data::<Current>()?, ctx.data::<Caller>()?);
    let Some(key) = caller.key.as_ref().filter(|_| !caller.may(Need::ReadPersonal)) else { return Ok(()) };
    see(ctx, |seen| seen.looked_up = true);
    let most = current.limits.lookups;
    if current.lookups.take(key, most) {
        return Ok(());
    }
    Err(ErrorCode::TooManyLookups
        .with(format!("this key looks for at most {most} identifiers a minute; wait a little")))
}

/// Where a caller is recorded and by which key; nowhere where the server has no keys, as there is nobody to name.
///
/// A caller without a key where there are keys, or the other way round, is a fault of the server's: it is answered nothing.
fn recorded_by<'c, A>(audit: Option<A>, caller: &'c Caller) -> Result<Option<(A, &'c Arc<str>)>, ServerError> {
    match (audit, &caller.key) {
        (None, None) => Ok(None),
        (Some(audit), Some(key)) => Ok(Some((audit, key))),
        (None, Some(_)) | (Some(_), None) => {
            let sentence = "who asks cannot be recorded, so nothing is answered; show a key, and report this";
            Err(ErrorCode::Unauthenticated.of_request(sentence))
        }
    }
}

impl Witness {
    fn see(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that a root field was asked for.
    pub(super) fn asked(&self, field: &str) {
        self.see(|seen| {
            seen.operation.insert(field.to_owned());
        });
    }

    /// Notes that personal data is in the answer.
    pub(super) fn gave_personal(&self) {
        self.see(|seen| seen.has_personal = true);
    }

    /// Records what was seen since the last time, if it has to be; the error that is answered where it cannot be.
    pub(super) async fn record(&self, current: &Current, caller: &Caller) -> Result<(), ServerError> {
        let seen = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let Some((audit, key)) = recorded_by(current.audit.as_ref(), caller)? else { return Ok(()) };
        let action = match caller.may(Need::ReadPersonal) {
            true if seen.has_personal => "READ",
            false if seen.looked_up => "LOOK_UP",
            _ => return Ok(()),
        };
        let alone = seen.identifiers.difference(&seen.members);
        let subjects: BTreeSet<UnifiedId> = seen.customers.iter().chain(alone).copied().collect();
        let row = AuditRow {
            at: Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST),
            key: key.to_string(),
            actor: caller.name.to_string(),
            role: caller.role.as_str().to_owned(),
            action: action.to_owned(),
            operation: seen.operation.into_iter().collect(),
            n_subjects: subjects.len() as u64,
            subjects: subjects.into_iter().take(MAX_NAMED).collect(),
        };
        audit.record(row).await.map_err(|error| ErrorCode::Unavailable.of_request(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::recorded_by;
    use crate::{
        access::{Authentication, Caller, Role},
        keys::{Keys, Random, Scope},
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

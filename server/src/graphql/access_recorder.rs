//! Collects what the audit log records of one response: which personal data of which customers it contains.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{Context, ServerError};
use profile360_core::{identifier::UnifiedId, time::Timestamp};
use profile360_store::AuditRow;

use super::{Current, error::ErrorCode};
use crate::{
    auth::access::{Caller, Permission},
    clock,
    views::profile_view::Customer,
};

/// The most unified IDs in one row; larger responses have several rows.
const MAX_IDS_IN_A_ROW: usize = 100;

/// Which personal data selected the customers of a response. Being in such a response reveals a customer's number or name, even if
/// no field of it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    /// An exact identifier.
    Identifier,
    /// A search text.
    Search,
    /// The order of names.
    Order,
    /// A filter by attributes or areas.
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

/// The accesses of one response.
#[derive(Debug, Default)]
pub(super) struct AccessRecorder(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    operation: BTreeSet<String>,
    has_personal: bool,
    /// Mutations that are no dry runs.
    n_changes: usize,
    has_audit: bool,
    by: BTreeSet<By>,
    customers: BTreeSet<UnifiedId>,
    /// Customers of a list, recorded only if personal data selected them.
    listed: BTreeSet<UnifiedId>,
    /// The derived IDs of the identifiers of these customers.
    members: BTreeSet<UnifiedId>,
    /// The derived IDs of identifiers that were read without their customer.
    identifiers: BTreeSet<UnifiedId>,
}

/// Notes that a response is about a customer.
pub(super) fn saw_customer(ctx: &Context<'_>, customer: &Customer) {
    note(ctx, |seen| {
        if seen.customers.insert(customer.profile.unified_id) {
            seen.members.extend(customer.members.iter().map(|(_, state)| state.unified_id));
        }
    });
}

/// Notes that a list contains a customer, of which no field is read yet.
pub(super) fn saw_unified_id(ctx: &Context<'_>, unified_id: UnifiedId) {
    note(ctx, |seen| {
        seen.listed.insert(unified_id);
    });
}

/// Notes which personal data selected the customers of a response.
pub(super) fn decided_by(ctx: &Context<'_>, by: By) {
    note(ctx, |seen| {
        seen.by.insert(by);
    });
}

/// Notes that a response is about an identifier.
pub(super) fn saw_identifier(ctx: &Context<'_>, unified_id: UnifiedId) {
    note(ctx, |seen| {
        seen.identifiers.insert(unified_id);
    });
}

fn note(ctx: &Context<'_>, change: impl FnOnce(&mut Seen)) {
    if let Some(recorder) = ctx.data_opt::<Arc<AccessRecorder>>() {
        recorder.note(change);
    }
}

/// Logs a refusal, without anything of the request but the field.
pub(super) fn log_refusal(caller: &Caller, code: ErrorCode, field: &str) {
    if let Some(key) = &caller.key {
        tracing::warn!(%key, role = caller.role.as_str(), code = code.as_str(), field, "refused");
    }
}

/// Notes that a mutation is a dry run, which changes nothing.
pub(super) fn changed_nothing(ctx: &Context<'_>) {
    note(ctx, |seen| seen.n_changes = seen.n_changes.saturating_sub(1));
}

/// Notes a look-up, and counts it against the rate limit of callers that see masks.
pub(super) fn look_up(ctx: &Context<'_>, by: By) -> async_graphql::Result<()> {
    let (current, caller) = (ctx.data::<Current>()?, ctx.data::<Caller>()?);
    decided_by(ctx, by);
    let Some(key) = caller.key.as_ref().filter(|_| !caller.may(Permission::ReadPersonal)) else { return Ok(()) };
    let Err(wait) = current.lookup_limit.check(key) else { return Ok(()) };
    log_refusal(caller, ErrorCode::TooManyLookups, ctx.field().name());
    let sentence = match (current.limits.lookups, wait.as_secs().saturating_add(1)) {
        (0, _) => "on this server, keys that see masked data may not look up identifiers".to_owned(),
        (most, wait) => format!("this key may look up {most} identifiers a minute; try again in {wait} s"),
    };
    Err(ErrorCode::TooManyLookups.with(sentence))
}

/// The audit log and the key to record; `None` if the server has no keys, as there is no key to name.
///
/// A caller without a key on a server with keys, or the reverse, is a bug of the server: fail closed.
fn recorded_by<A>(audit: Option<A>, caller: &Caller) -> Result<Option<(A, &Arc<str>)>, ServerError> {
    match (audit, &caller.key) {
        (None, None) => Ok(None),
        (Some(audit), Some(key)) => Ok(Some((audit, key))),
        (None, Some(_)) | (Some(_), None) => {
            let sentence = "this access cannot be recorded, so no data is sent; send a key, and report this as a bug";
            Err(ErrorCode::Unauthenticated.of_request(sentence))
        }
    }
}

/// Records that a caller exports customers of the list, before the first of them is sent. What the export contains is recorded with
/// each part of it.
///
/// # Errors
///
/// If the record cannot be written. Then nothing must be sent.
pub async fn record_export(current: &Current, caller: &Caller, n_customers: u64) -> Result<(), ServerError> {
    let Some((audit, key)) = recorded_by(current.audit.as_ref(), caller)? else { return Ok(()) };
    let row = AuditRow {
        at: Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST),
        key: key.to_string(),
        actor: caller.name.to_string(),
        role: caller.role.as_str().to_owned(),
        action: "EXPORT".to_owned(),
        operation: vec!["export".to_owned()],
        by: Vec::new(),
        subjects: Vec::new(),
        n_subjects: n_customers,
    };
    audit.record(vec![row]).await.map_err(|error| ErrorCode::Unavailable.of_request(error.to_string()))
}

impl AccessRecorder {
    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that a root field was requested.
    pub(super) fn requested(&self, field: &str) {
        self.note(|seen| {
            seen.operation.insert(field.to_owned());
        });
    }

    /// Notes that a mutation runs.
    pub(super) fn changes(&self) {
        self.note(|seen| seen.n_changes += 1);
    }

    /// Notes that the audit log itself is read.
    pub(super) fn reads_audit(&self) {
        self.note(|seen| seen.has_audit = true);
    }

    /// Notes that the response contains personal data.
    pub(super) fn sent_personal(&self) {
        self.note(|seen| seen.has_personal = true);
    }

    /// Records the accesses since the last call, if they have to be recorded.
    ///
    /// # Errors
    ///
    /// If the record cannot be written. Then the response must not be sent.
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
        // An access without subjects has a row, too.
        let parts: Vec<&[UnifiedId]> =
            if subjects.is_empty() { vec![&[][..]] } else { subjects.chunks(MAX_IDS_IN_A_ROW).collect() };
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
    /// The recorded actions.
    fn actions(&self, caller: &Caller) -> Vec<&'static str> {
        let is_personal = caller.may(Permission::ReadPersonal) && self.has_personal;
        let done = [
            (0 < self.n_changes, "CHANGE"),
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
        access::Role,
        api_keys::{Keys, Random},
        authenticator::{Authentication, holder_of},
        scope::Scope,
    };

    #[test]
    fn a_caller_that_cannot_be_recorded_gets_no_data() {
        let keyless = Authentication::open(None).expect("no file to read").caller(None);
        let keyless = keyless.expect("no key is needed");
        let random = Random { id: [1; 6], secret: [2; 32] };
        let (key, _) = Keys::default()
            .create(Role::Admin, Some("mina"), Scope::default(), &random, profile360_core::time::Timestamp::LATEST)
            .expect("a name");
        let holder = holder_of(&key);
        // Whether there is an audit log, the caller, and whether it is recorded (`None`: refused).
        for (audit, caller, expected) in [
            (None, &keyless, Some(false)),
            (Some(()), &holder, Some(true)),
            (Some(()), &keyless, None),
            (None, &holder, None),
        ] {
            let recorded = recorded_by(audit, caller).map(|it| it.is_some());
            assert_eq!(recorded.ok(), expected, "{audit:?} {caller:?}");
        }
    }
}

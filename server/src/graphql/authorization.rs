//! Authorization by field: one table says which permission each field requires and how it is masked; one extension enforces it.
//!
//! A field without an entry is refused to every caller; a test checks that the table covers the schema.

mod table;

use std::sync::Arc;

use async_graphql::{
    Context, Error, ErrorExtensionValues, PathSegment, QueryPathSegment, Result, ServerError, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};
use profile360_core::identifier::unified_id::IdSecret;

use self::table::{Rule, rule};
use super::{
    App, Current,
    access_recorder::{AccessRecorder, log_refusal},
    error::ErrorCode,
    request_context::TimeSlice,
};
use crate::auth::{
    access::{Caller, Permission},
    masking::Mask,
};

/// The caller.
pub(super) fn caller<'c>(ctx: &Context<'c>) -> Result<&'c Caller> {
    ctx.data::<Caller>()
}

/// Checks the permission of a field that the extension does not see: the root fields of subscriptions.
pub(super) fn check(ctx: &Context<'_>, parent: &str, field: &str) -> Result<()> {
    refusal(ctx.data_opt::<Caller>(), rule(parent, field)).map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// Refuses arguments that only callers with permission to read personal data may use; `what` begins the sentence.
pub(super) fn only_unmasked(ctx: &Context<'_>, what: &str) -> Result<(), Error> {
    let caller = caller(ctx)?;
    if caller.may(Permission::ReadPersonal) {
        return Ok(());
    }
    log_refusal(caller, ErrorCode::Forbidden, ctx.field().name());
    let role = Permission::ReadPersonal.minimum_role();
    let sentence = format!("{what} reveals values that this key sees masked; use a key with the role {role}");
    Err(Refusal { sentence, roles: Some((caller.role.as_str(), role)) }.into())
}

/// Why a field is refused.
struct Refusal {
    sentence: String,
    /// The caller's role, and the least one that has the permission: `extensions.role` and `extensions.requires`.
    roles: Option<(&'static str, &'static str)>,
}

impl Refusal {
    fn extensions(&self) -> ErrorExtensionValues {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", ErrorCode::Forbidden.as_str());
        if let Some((role, requires)) = self.roles {
            extensions.set("role", role);
            extensions.set("requires", requires);
        }
        extensions
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let extensions = Some(refusal.extensions());
        Self { extensions, ..Self::new(refusal.sentence) }
    }
}

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        let extensions = Some(refusal.extensions());
        Self { extensions, ..Self::new(refusal.sentence, None) }
    }
}

fn refusal(caller: Option<&Caller>, rule: Option<Rule>) -> Option<Refusal> {
    let (Some(caller), Some(rule)) = (caller, rule) else {
        return Some(Refusal { sentence: "no key may read this field".to_owned(), roles: None });
    };
    if caller.may(rule.permission) {
        return None;
    }
    let (role, requires) = (caller.role.as_str(), rule.permission.minimum_role());
    let sentence = format!("the role of this key is {role}; this requires {requires}");
    Some(Refusal { sentence, roles: Some((role, requires)) })
}

/// The suffixes of the root types.
const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// Checks every field of every response against the table.
#[derive(Debug)]
pub(super) struct Authorize;

impl ExtensionFactory for Authorize {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Authorize {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        if let Some(slice) = ctx.data_opt::<Arc<TimeSlice>>() {
            slice.yield_if_over().await;
        }
        // Introspection contains no customer data; items of a list are checked with the list's field.
        let is_item = matches!(info.path_node.segment, QueryPathSegment::Index(_));
        if is_item || info.name.starts_with("__") || info.parent_type.starts_with("__") {
            return next.run(ctx, info).await;
        }
        let rule = rule(info.parent_type, info.name);
        let caller = ctx.data_opt::<Caller>();
        if let Some(refusal) = refusal(caller, rule) {
            if let Some(caller) = caller {
                log_refusal(caller, ErrorCode::Forbidden, info.name);
            }
            return Err(ServerError { path: path_of(&info), ..refusal.into() });
        }
        let recorder = ctx.data_opt::<Arc<AccessRecorder>>();
        if let Some(recorder) = recorder.filter(|_| ROOTS.iter().any(|root| info.parent_type.ends_with(root))) {
            recorder.requested(info.name);
            match info.name {
                "auditLog" => recorder.reads_audit(),
                // Messages are recorded as such.
                "ingest" => {}
                _ if info.parent_type.ends_with("Mutation") => recorder.changes(),
                _ => {}
            }
        }
        let mask = rule.and_then(|it| it.mask);
        let value = next.run(ctx, info).await?;
        let (Some(mask), Some(caller), Some(found)) = (mask, caller, &value) else { return Ok(value) };
        if !caller.may(Permission::ReadPersonal) {
            // Fail closed: masks need the secret.
            let Some(secret) = secret_of(ctx) else { return Ok(Some(Value::Null)) };
            return Ok(value.map(|value| masked(mask, value, &secret)));
        }
        if let Some(recorder) = recorder.filter(|_| *found != Value::Null && mask != Mask::Keyed) {
            recorder.sent_personal();
        }
        Ok(value)
    }
}

/// The value that callers without permission to read personal data see.
fn masked(mask: Mask, value: Value, secret: &IdSecret) -> Value {
    let Ok(value) = value.into_json() else { return Value::Null };
    Value::from_json(mask.of(value, secret)).unwrap_or_default()
}

/// The database's secret. A subscription has no snapshot of its own.
fn secret_of(ctx: &ExtensionContext<'_>) -> Option<IdSecret> {
    let from_app = || ctx.data_opt::<App>().map(|app| app.secret.clone());
    from_app().or_else(|| Some(ctx.data_opt::<Current>()?.pipeline.snapshot().secret))
}

fn path_of(info: &ResolveInfo<'_>) -> Vec<PathSegment> {
    let mut path: Vec<PathSegment> = std::iter::once(info.path_node)
        .chain(info.path_node.parents())
        .map(|node| match node.segment {
            QueryPathSegment::Index(index) => PathSegment::Index(index),
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        })
        .collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests;

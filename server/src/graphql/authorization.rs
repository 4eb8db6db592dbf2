//! What each field asks of whoever asks for it, and which fields are personal: one table, and one place that holds answers to it.
//!
//! A field that has no entry is given to nobody; a test walks the schema, so that none is forgotten.

mod table;

use std::sync::Arc;

use async_graphql::{
    Context, Error, PathSegment, QueryPathSegment, Result, ServerError, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};
use profile360_core::identifier::unified_id::IdSecret;

use self::table::{Rule, rule};
use super::{
    App, Current,
    access_recorder::AccessRecorder,
    error::{ErrorCode, set_code},
    request_context::Turn,
};
use crate::auth::{
    access::{Caller, Permission},
    masking::Mask,
};

/// The caller.
pub(super) fn caller<'c>(ctx: &Context<'c>) -> Result<&'c Caller> {
    ctx.data::<Caller>()
}

/// Refuses a field of the schema to whoever may not have it: for those whose fields are not asked for one by one.
pub(super) fn check(ctx: &Context<'_>, parent: &str, field: &str) -> Result<()> {
    match refusal(ctx.data_opt::<Caller>(), rule(parent, field)) {
        Some(sentence) => Err(ErrorCode::Forbidden.with(sentence)),
        None => Ok(()),
    }
}

/// Refuses what only those may do who see personal data; `what` is the beginning of the sentence.
pub(super) fn only_unmasked(ctx: &Context<'_>, what: &str) -> Result<(), Error> {
    let caller = caller(ctx)?;
    if caller.may(Permission::ReadPersonal) {
        return Ok(());
    }
    log_refusal(caller, ErrorCode::Forbidden, ctx.field().name());
    let role = Permission::ReadPersonal.minimum_role();
    Err(ErrorCode::Forbidden.with(format!("{what} tells of values that this key sees masked; that takes {role}")))
}

/// Says in the log who was refused what, without anything of the question but the field.
pub(super) fn log_refusal(caller: &Caller, code: ErrorCode, field: &str) {
    if let Some(key) = &caller.key {
        tracing::warn!(%key, role = caller.role.as_str(), code = code.as_str(), field, "refused");
    }
}

fn refusal(caller: Option<&Caller>, rule: Option<Rule>) -> Option<String> {
    let (Some(caller), Some(rule)) = (caller, rule) else {
        return Some("this field is given to nobody".to_owned());
    };
    if caller.may(rule.need) {
        return None;
    }
    Some(format!("the role of this key is {}; this takes {}", caller.role.as_str(), rule.need.minimum_role()))
}

/// How the names of root types end.
const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// Holds every field of every answer to the table.
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
        if let Some(turn) = ctx.data_opt::<Arc<Turn>>() {
            turn.give_way().await;
        }
        // The schema tells of no customer; an item of a list comes after the list's field.
        let is_item = matches!(info.path_node.segment, QueryPathSegment::Index(_));
        if is_item || info.name.starts_with("__") || info.parent_type.starts_with("__") {
            return next.run(ctx, info).await;
        }
        let rule = rule(info.parent_type, info.name);
        let caller = ctx.data_opt::<Caller>();
        if let Some(sentence) = refusal(caller, rule) {
            if let Some(caller) = caller {
                log_refusal(caller, ErrorCode::Forbidden, info.name);
            }
            let mut error = ServerError::new(sentence, None);
            set_code(&mut error, ErrorCode::Forbidden);
            error.path = path_of(&info);
            return Err(error);
        }
        let recorder = ctx.data_opt::<Arc<AccessRecorder>>();
        if let Some(recorder) = recorder.filter(|_| ROOTS.iter().any(|root| info.parent_type.ends_with(root))) {
            recorder.asked(info.name);
            match info.name {
                "auditLog" => recorder.reads_audit(),
                // Messages are their own record.
                "ingest" => {}
                _ if info.parent_type.ends_with("Mutation") => recorder.changes(),
                _ => {}
            }
        }
        let mask = rule.and_then(|it| it.mask);
        let value = next.run(ctx, info).await?;
        let (Some(mask), Some(caller), Some(found)) = (mask, caller, &value) else { return Ok(value) };
        if !caller.may(Permission::ReadPersonal) {
            // Without a secret nothing that is masked by it can be shown.
            let Some(secret) = secret_of(ctx) else { return Ok(Some(Value::Null)) };
            return Ok(value.map(|value| masked(mask, value, &secret)));
        }
        if let Some(recorder) = recorder.filter(|_| *found != Value::Null && mask != Mask::Keyed) {
            recorder.gave_personal();
        }
        Ok(value)
    }
}

/// A value as those see it who see masks.
fn masked(mask: Mask, value: Value, secret: &IdSecret) -> Value {
    let Ok(value) = value.into_json() else { return Value::Null };
    Value::from_json(mask.of(value, secret)).unwrap_or_default()
}

/// The base's secret; a subscription has no base of its own.
fn secret_of(ctx: &ExtensionContext<'_>) -> Option<IdSecret> {
    let of_app = || ctx.data_opt::<App>().map(|app| app.secret.clone());
    of_app().or_else(|| Some(ctx.data_opt::<Current>()?.pipeline.snapshot().secret))
}

fn path_of(info: &ResolveInfo<'_>) -> Vec<PathSegment> {
    let mut path: Vec<PathSegment> = std::iter::once(info.path_node)
        .chain(info.path_node.parents())
        .map(|it| match it.segment {
            QueryPathSegment::Index(index) => PathSegment::Index(index),
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        })
        .collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests;

//! Saved views: a filter, an order and columns of the customer list, under a name.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use profile360_core::time::Timestamp;
use profile360_store::SavedView as Stored;

use super::{
    App,
    access_recorder::log_refusal,
    authorization::caller,
    error::{ErrorCode, unavailable},
    scalars::DateTime,
};
use crate::{
    auth::access::{Caller, Permission},
    clock,
    engine::pipeline::new_id,
};

/// A filter, an order and columns of the customer list, under a name.
#[derive(Debug, SimpleObject)]
pub(super) struct SavedView {
    /// Its ID.
    id: ID,
    /// Its name. Everyone who sees the view reads it.
    name: String,
    /// The query part of the page's address, with filter and order, such as `platform=IOS&sort=NAME.ASC`.
    query: String,
    /// The columns from left to right, as the page names them.
    columns: Vec<String>,
    /// Whether everyone who may use the view sees it.
    is_shared: bool,
    /// Whether the caller may change or remove it.
    is_changeable: bool,
    /// The name of the key that saved it; `local` on a server without keys.
    owner: String,
    /// When it was first saved.
    saved_at: DateTime,
}

/// What a filter may be in the query of a view. A filter by one of the last two contains personal data.
const OPEN_FIELDS: [&str; 11] = [
    "platform",
    "gender",
    "age",
    "membership",
    "country",
    "identifier",
    "activity",
    "access",
    "orders",
    "amount",
    "sort",
];
const PERSONAL_FIELDS: [&str; 2] = ["area", "attribute"];

const MAX_OWN: usize = 50;
const MAX_ALL: usize = 1_000;
const MAX_NAME_LETTERS: usize = 60;
const MAX_QUERY_BYTES: usize = 4_000;
const MAX_COLUMNS: usize = 60;
const MAX_COLUMN_BYTES: usize = 200;

#[derive(Debug, Default)]
pub(super) struct SavedViewQuery;

#[Object]
impl SavedViewQuery {
    /// The caller's own views of the customer list, then those that others share, each in the order in which they were saved. A view
    /// that filters by attributes or areas is not listed for keys that see masked data, unless it is their own.
    #[graphql(complexity = "20 + 50 * child_complexity")]
    async fn saved_views(&self, ctx: &Context<'_>) -> Result<Vec<SavedView>> {
        let caller = caller(ctx)?;
        let all = ctx.data::<App>()?.store.saved_views().await.map_err(|it| unavailable(&it))?;
        let mut seen: Vec<(String, Stored)> = all.into_iter().filter(|(_, it)| may_see(caller, it)).collect();
        seen.sort_by_key(|(id, it)| (it.owner != *caller.name, it.saved_at, id.clone()));
        Ok(seen.into_iter().map(|(id, it)| SavedView::of(caller, id, it)).collect())
    }
}

#[derive(Debug, Default)]
pub(super) struct SavedViewMutation;

#[Object]
impl SavedViewMutation {
    /// Saves a view of the customer list, or changes one. Views belong to the name of the key. Sharing one requires STEWARD; a shared
    /// one is changed by its owner and by ADMIN.
    #[graphql(complexity = "20 + child_complexity")]
    async fn save_view(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The view to change; a new one if left out.")] id: Option<ID>,
        #[graphql(desc = "Its name, of 1 to 60 letters. Put no personal data in it.")] name: String,
        #[graphql(desc = "The query part of the page's address, with filter and order.")] query: String,
        #[graphql(desc = "The columns from left to right, as the page names them; at most 60.")] columns: Vec<String>,
        #[graphql(default = false, desc = "Whether others see it, too.")] is_shared: bool,
    ) -> Result<SavedView> {
        let (app, caller) = (ctx.data::<App>()?, caller(ctx)?);
        let name = check_name(&name)?;
        check_query(&query)?;
        check_columns(&columns)?;
        let mut all = app.store.saved_views().await.map_err(|it| unavailable(&it))?;
        let before = match &id {
            Some(id) => Some(changeable(caller, all.remove(id.as_str()))?),
            None => None,
        };
        if is_shared && !caller.may(Permission::Decide) && before.as_ref().is_none_or(|it| !it.is_shared) {
            log_refusal(caller, ErrorCode::Forbidden, ctx.field().name());
            let role = Permission::Decide.minimum_role();
            return Err(
                ErrorCode::Forbidden.with(format!("isShared: sharing a view requires {role}; save it unshared"))
            );
        }
        let owner = before.as_ref().map_or_else(|| caller.name.to_string(), |it| it.owner.clone());
        let own: Vec<&Stored> = all.values().filter(|it| it.owner == owner).collect();
        if before.is_none() && (MAX_OWN <= own.len() || MAX_ALL <= all.len()) {
            let sentence = format!("there are {MAX_OWN} views of one key, or {MAX_ALL} in all; remove one first");
            return Err(ErrorCode::BadUserInput.with(sentence));
        }
        if own.iter().any(|it| it.name == name) {
            return Err(ErrorCode::BadUserInput.with("name: another view of this owner has this name; choose another"));
        }
        let saved_at = before.map_or_else(now, |it| it.saved_at);
        let view = Stored { owner, name: name.to_owned(), query, columns, is_shared, saved_at };
        let id = id.map_or_else(|| new_id().to_string(), |it| it.to_string());
        app.store.put_saved_view(&id, &view).await.map_err(|it| unavailable(&it))?;
        Ok(SavedView::of(caller, id, view))
    }

    /// Removes a view of the customer list. False if there is none with this ID.
    #[graphql(complexity = "20")]
    async fn remove_view(&self, ctx: &Context<'_>, #[graphql(desc = "The view.")] id: ID) -> Result<bool> {
        let (app, caller) = (ctx.data::<App>()?, caller(ctx)?);
        let found = app.store.saved_views().await.map_err(|it| unavailable(&it))?.remove(id.as_str());
        if found.as_ref().is_none_or(|it| !may_see(caller, it)) {
            return Ok(false);
        }
        changeable(caller, found)?;
        app.store.remove_saved_view(&id).await.map_err(|it| unavailable(&it))?;
        Ok(true)
    }
}

impl SavedView {
    fn of(caller: &Caller, id: String, view: Stored) -> Self {
        Self {
            id: ID(id),
            is_changeable: may_change(caller, &view),
            name: view.name,
            query: view.query,
            columns: view.columns,
            is_shared: view.is_shared,
            owner: view.owner,
            saved_at: view.saved_at.into(),
        }
    }
}

fn may_see(caller: &Caller, view: &Stored) -> bool {
    let is_personal = fields(&view.query).any(|it| PERSONAL_FIELDS.contains(&it));
    view.owner == *caller.name || (view.is_shared && (!is_personal || caller.may(Permission::ReadPersonal)))
}

fn may_change(caller: &Caller, view: &Stored) -> bool {
    view.owner == *caller.name || (view.is_shared && caller.may(Permission::Govern))
}

/// A view that the caller may change. One that it may not see does not exist for it.
fn changeable(caller: &Caller, view: Option<Stored>) -> Result<Stored> {
    let Some(view) = view.filter(|it| may_see(caller, it)) else {
        return Err(ErrorCode::BadUserInput.with("id: there is no view with this ID; save a new one"));
    };
    if may_change(caller, &view) {
        return Ok(view);
    }
    Err(ErrorCode::Forbidden.with("this view belongs to another key; its owner or ADMIN changes it. Save a new one"))
}

/// The names in the query part of an address.
fn fields(query: &str) -> impl Iterator<Item = &str> {
    let pairs = query.split('&').filter(|it| !it.is_empty());
    pairs.map(|pair| pair.split_once('=').map_or(pair, |(field, _)| field))
}

fn check_name(name: &str) -> Result<&str> {
    let name = name.trim();
    if (1..=MAX_NAME_LETTERS).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    Err(ErrorCode::BadUserInput.with(format!("name: give a name of 1 to {MAX_NAME_LETTERS} letters on one line")))
}

fn check_query(query: &str) -> Result<()> {
    if MAX_QUERY_BYTES < query.len() {
        return Err(ErrorCode::BadUserInput.with(format!("query: use at most {MAX_QUERY_BYTES} bytes")));
    }
    let is_known = |field: &str| OPEN_FIELDS.contains(&field) || PERSONAL_FIELDS.contains(&field);
    if fields(query).all(is_known) {
        return Ok(());
    }
    let known = [&OPEN_FIELDS[..], &PERSONAL_FIELDS[..]].concat().join(", ");
    Err(ErrorCode::BadUserInput
        .with(format!("query: write name=value pairs with & between them; the names are {known}")))
}

fn check_columns(columns: &[String]) -> Result<()> {
    let is_name = |it: &String| (1..=MAX_COLUMN_BYTES).contains(&it.len()) && !it.chars().any(char::is_control);
    if columns.len() <= MAX_COLUMNS && columns.iter().all(is_name) {
        return Ok(());
    }
    let sentence = format!("columns: use at most {MAX_COLUMNS} names of 1 to {MAX_COLUMN_BYTES} bytes");
    Err(ErrorCode::BadUserInput.with(sentence))
}

fn now() -> Timestamp {
    Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST)
}

#[cfg(test)]
mod tests {
    use super::{check_columns, check_name, check_query, fields};

    #[test]
    fn a_query_has_known_fields_only() {
        for query in ["", "platform=IOS&platform=WEB&sort=NAME.ASC", "attribute=df_sms_optin%3Atrue", "area=", "sort"] {
            assert!(check_query(query).is_ok(), "{query}");
        }
        for query in ["search=010", "%61ttribute=x", "Platform=IOS", "=x", "?platform=IOS", "platform=IOS;area=x&q"] {
            assert!(check_query(query).is_err(), "{query}");
        }
        assert!(check_query(&format!("area={}", "x".repeat(3_995))).is_ok());
        assert!(check_query(&format!("area={}", "x".repeat(3_996))).is_err());
        assert_eq!(fields("a=1&&b&c=&d=e=f").collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn names_and_columns_are_bounded() {
        assert_eq!(check_name("  휴면 고객 ").ok(), Some("휴면 고객"));
        for name in ["", " ", "a\nb", &"ㄱ".repeat(61)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"ㄱ".repeat(60)).is_ok());
        assert!(check_columns(&vec!["name".to_owned(); 60]).is_ok());
        for columns in [vec!["name".to_owned(); 61], vec![String::new()], vec!["x".repeat(201)], vec!["a\t".to_owned()]]
        {
            assert!(check_columns(&columns).is_err());
        }
    }
}

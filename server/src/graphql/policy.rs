//! The policy in force.

use async_graphql::{Result, SimpleObject};

use super::{
    App,
    error::{ErrorCode, unavailable},
    scalars::{DateTime, Json},
};
use crate::rules::PublishedPolicy;

#[derive(Debug, SimpleObject)]
pub(super) struct Policy {
    version: i32,
    published_at: DateTime,
    published_by: String,
    time_zone: String,
    currency: String,
    document: Json,
}

impl Policy {
    pub(super) async fn load(app: &App, version: Option<i64>) -> Result<Self> {
        let version = version.unwrap_or(app.policy.version);
        let found = app.store.policy(version).await.map_err(|it| unavailable(&it))?;
        let Some(text) = found else {
            return Err(ErrorCode::BadUserInput.with(format!("there is no version {version} of the policy")));
        };
        let unreadable = |_| ErrorCode::Internal.with("the stored policy cannot be read");
        let published: PublishedPolicy = serde_json::from_str(&text).map_err(unreadable)?;
        Ok(Self {
            version: i32::try_from(version).unwrap_or(i32::MAX),
            published_at: published.published_at.into(),
            published_by: published.published_by,
            time_zone: published.document.time_zone.name().to_owned(),
            currency: published.document.currency.as_str().to_owned(),
            document: Json(serde_json::to_value(&published.document).map_err(unreadable)?),
        })
    }
}

//! One customer: everything but purchases and timeline, which have files of their own.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;
use profile360_core::{
    plan::CellKey,
    profile::{self, ProfileIdentifier},
    purchase::Currency,
};

use super::{
    App,
    error::ErrorCode,
    identity::{IdentityGraph, graph},
    loaders::Loaders,
    page::Arguments,
    purchase::PurchaseInfo,
    query::global_id,
    scalars::{Date, DateTime, Gender, Json, Platform, count},
    timeline::{EventConnection, timeline},
};
use crate::{customer::Customer, list::ListRow};

/// A customer as of a date. What is not in the list's row is read when it is asked for.
#[derive(Debug)]
pub(super) struct Profile {
    key: CellKey,
    unified_id: profile360_core::identifier::UnifiedId,
    as_of: NaiveDate,
    /// The row that the list answers from, where the customer was found in the list.
    row: Option<Arc<ListRow>>,
    /// The customer, where it was read already.
    customer: Option<Arc<Customer>>,
}

impl Profile {
    pub(super) fn of(customer: &Arc<Customer>, as_of: NaiveDate, row: Option<Arc<ListRow>>) -> Self {
        Self {
            key: customer.key,
            unified_id: customer.profile.unified_id,
            as_of,
            row,
            customer: Some(customer.clone()),
        }
    }

    /// A customer of the list; it is not read yet.
    pub(super) fn listed(key: CellKey, row: Arc<ListRow>, as_of: NaiveDate) -> Self {
        Self { key, unified_id: row.unified_id, as_of, row: Some(row), customer: None }
    }

    pub(super) async fn load(ctx: &Context<'_>, key: CellKey, as_of: NaiveDate) -> Result<Option<Self>> {
        let customer = ctx.data::<Loaders>()?.customer(key).await?;
        Ok(customer.map(|it| Self::of(&it, as_of, None)))
    }

    async fn customer(&self, ctx: &Context<'_>) -> Result<Arc<Customer>> {
        if let Some(customer) = &self.customer {
            return Ok(customer.clone());
        }
        let found = ctx.data::<Loaders>()?.customer(self.key).await?;
        found.ok_or_else(|| {
            ErrorCode::Unavailable.with("this customer was merged while the question was answered; ask again")
        })
    }
}

#[Object]
impl Profile {
    pub(super) async fn id(&self) -> ID {
        global_id(self.unified_id)
    }

    async fn unified_id(&self) -> ID {
        ID(self.unified_id.to_string())
    }

    /// Unified IDs of profiles that are part of this one now.
    async fn superseded_ids(&self, ctx: &Context<'_>) -> Result<Vec<ID>> {
        Ok(self.customer(ctx).await?.profile.superseded_ids.iter().map(|it| ID(it.to_string())).collect())
    }

    /// Changes whenever a fact, a decision or the policy changes this profile.
    async fn revision(&self, ctx: &Context<'_>) -> Result<String> {
        let customer = self.customer(ctx).await?;
        let app = ctx.data::<App>()?;
        let decisions = app.decisions.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(customer.revision(&decisions, &app.policy))
    }

    async fn as_of(&self) -> Date {
        Date(self.as_of)
    }

    async fn basic(&self, ctx: &Context<'_>) -> Result<BasicInfo> {
        Ok(BasicInfo::from(self.customer(ctx).await?.profile.basic(self.as_of)))
    }

    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>> {
        Ok(self.customer(ctx).await?.profile.identifiers.iter().map(|it| Identifier(it.clone())).collect())
    }

    async fn recent_device(&self, ctx: &Context<'_>) -> Result<Option<Device>> {
        Ok(self.customer(ctx).await?.profile.recent_device.clone().map(Device::from))
    }

    async fn devices(&self, ctx: &Context<'_>) -> Result<Vec<Device>> {
        Ok(self.customer(ctx).await?.profile.devices.iter().cloned().map(Device::from).collect())
    }

    /// Standard and custom attributes, each with where its value came from.
    async fn attributes(&self, ctx: &Context<'_>, names: Option<Vec<String>>) -> Result<Vec<Attribute>> {
        let customer = self.customer(ctx).await?;
        let is_wanted = |name: &str| names.as_ref().is_none_or(|names| names.iter().any(|it| it == name));
        Ok(customer.profile.attributes.iter().filter(|it| is_wanted(&it.name)).cloned().map(Attribute::from).collect())
    }

    async fn consents(&self, ctx: &Context<'_>) -> Result<Vec<Consent>> {
        Ok(self.customer(ctx).await?.profile.consents.iter().cloned().map(Consent::from).collect())
    }

    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Activity::from(&self.customer(ctx).await?.profile.activity))
    }

    async fn purchases(
        &self,
        currency: Option<String>,
        #[graphql(default_with = "Some(false)")] net_of_refunds: Option<bool>,
    ) -> Result<PurchaseInfo> {
        let parse = |it: String| {
            Currency::parse(&it)
                .ok_or_else(|| ErrorCode::BadUserInput.with("currency: write three letters of ISO 4217, as KRW"))
        };
        let currency = currency.map(parse).transpose()?;
        Ok(PurchaseInfo::new(self.key, self.as_of, currency, net_of_refunds.unwrap_or(false), self.row.clone()))
    }

    async fn graph(&self, ctx: &Context<'_>) -> Result<IdentityGraph> {
        graph(ctx.data::<App>()?, &*self.customer(ctx).await?).await
    }

    #[graphql(complexity = "first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity")]
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        events: Option<Vec<String>>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<EventConnection> {
        let customer = self.customer(ctx).await?;
        timeline(ctx, &customer, events, Arguments { first, after, last, before }).await
    }
}

#[derive(Debug, SimpleObject)]
struct BasicInfo {
    avatar: Avatar,
    name: Option<String>,
    platforms: Vec<Platform>,
    device_count: i32,
    phone: Option<String>,
    email: Option<String>,
    gender: Option<Gender>,
    birth_date: Option<Date>,
    age: Option<i32>,
    age_group: Option<String>,
    membership_level: Option<String>,
    recent_area: Option<String>,
}

#[derive(Debug, SimpleObject)]
struct Avatar {
    letter: String,
    color: String,
}

impl From<profile::BasicInfo> for BasicInfo {
    fn from(it: profile::BasicInfo) -> Self {
        Self {
            avatar: Avatar { letter: it.avatar.letter, color: it.avatar.color.to_owned() },
            name: it.name,
            platforms: it.platforms.into_iter().map(Platform::from).collect(),
            device_count: count(u64::from(it.device_count)),
            phone: it.phone.map(|it| it.to_string()),
            email: it.email.map(|it| it.to_string()),
            gender: it.gender.map(Gender::from),
            birth_date: it.birth_date.map(Date),
            age: it.age.map(|it| count(u64::from(it))),
            age_group: it.age_group.map(str::to_owned),
            membership_level: it.membership_level,
            recent_area: it.recent_area,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Identifier(pub Arc<ProfileIdentifier>);

#[Object]
impl Identifier {
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    async fn value(&self) -> &str {
        &self.0.value
    }

    async fn unified_id(&self) -> ID {
        ID(self.0.unified_id.to_string())
    }

    async fn first_seen_at(&self) -> DateTime {
        self.0.first_seen_at.into()
    }

    async fn last_seen_at(&self) -> DateTime {
        self.0.last_seen_at.into()
    }

    async fn sources(&self) -> Vec<&str> {
        self.0.sources.iter().map(AsRef::as_ref).collect()
    }

    /// Not followed as evidence: it links too many customers.
    async fn shared(&self) -> bool {
        self.0.shared
    }

    async fn retired_at(&self) -> Option<DateTime> {
        self.0.retired_at.map(DateTime::from)
    }
}

#[derive(Debug, SimpleObject)]
struct Device {
    device_id: String,
    model: Option<String>,
    os: Option<String>,
    os_version: Option<String>,
    browser: Option<String>,
    browser_version: Option<String>,
    carrier: Option<String>,
    language: Option<String>,
    time_zone: Option<String>,
    country: Option<String>,
    region: Option<String>,
    city: Option<String>,
    area: Option<String>,
    library_platform: Option<String>,
    library_version: Option<String>,
    last_used_at: DateTime,
}

impl From<profile::Device> for Device {
    fn from(it: profile::Device) -> Self {
        let text = |it: Option<Arc<str>>| it.map(|it| it.to_string());
        Self {
            device_id: it.device_id.to_string(),
            model: text(it.model),
            os: text(it.os),
            os_version: text(it.os_version),
            browser: text(it.browser),
            browser_version: text(it.browser_version),
            carrier: text(it.carrier),
            language: text(it.language),
            time_zone: text(it.time_zone),
            country: text(it.country),
            region: text(it.region),
            city: text(it.city),
            area: it.area,
            library_platform: text(it.library_platform),
            library_version: text(it.library_version),
            last_used_at: it.last_used_at.into(),
        }
    }
}

#[derive(Debug, SimpleObject)]
struct Attribute {
    name: String,
    standard: bool,
    value: Json,
    rule: String,
    observed_at: DateTime,
    source: String,
    identifier: Identifier,
    /// Values that lost, newest first.
    others: Vec<AttributeObservation>,
}

#[derive(Debug, SimpleObject)]
struct AttributeObservation {
    value: Json,
    observed_at: DateTime,
    source: String,
    identifier: Identifier,
}

impl From<profile::Attribute> for Attribute {
    fn from(it: profile::Attribute) -> Self {
        let observation = |it: profile::AttributeObservation| AttributeObservation {
            value: Json(it.value.to_value()),
            observed_at: it.observed_at.into(),
            source: it.source.to_string(),
            identifier: Identifier(it.identifier),
        };
        Self {
            name: it.name.to_string(),
            standard: it.standard,
            value: Json(it.value.to_value()),
            rule: it.rule.to_owned(),
            observed_at: it.observed_at.into(),
            source: it.source.to_string(),
            identifier: Identifier(it.identifier),
            others: it.others.into_iter().map(observation).collect(),
        }
    }
}

#[derive(Debug, SimpleObject)]
struct Consent {
    channel: String,
    granted: bool,
    observed_at: DateTime,
    source: String,
}

impl From<profile::Consent> for Consent {
    fn from(it: profile::Consent) -> Self {
        Self {
            channel: it.channel.to_owned(),
            granted: it.granted,
            observed_at: it.observed_at.into(),
            source: it.source.to_string(),
        }
    }
}

#[derive(Debug, SimpleObject)]
struct Activity {
    first_access_at: DateTime,
    last_activity_at: DateTime,
    event_count: i32,
    session_count: i32,
    last_updated_at: DateTime,
}

impl From<&profile::Activity> for Activity {
    fn from(it: &profile::Activity) -> Self {
        Self {
            first_access_at: it.first_access_at.into(),
            last_activity_at: it.last_activity_at.into(),
            event_count: count(it.event_count),
            session_count: count(it.session_count),
            last_updated_at: it.last_updated_at.into(),
        }
    }
}

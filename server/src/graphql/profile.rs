//! The `Profile` type. Its purchases and timeline have modules of their own.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::NaiveDate;
use profile360_core::{
    graph::rows::ClusterKey,
    money::Currency,
    policy::document::Form,
    profile::{self, avatar::avatar, model::ProfileIdentifier},
};
use profile360_directory::{Figures, Listed};

use super::{
    App,
    access_recorder::{saw_customer, saw_identifier},
    authorization::caller,
    error::ErrorCode,
    identity::{IdentityGraph, graph},
    loaders::Loaders,
    pagination::Arguments,
    profiles::DateTimeRange,
    purchase::PurchaseInfo,
    query::global_id,
    scalars::{Date, DateTime, Gender, Json, Platform, count},
    timeline::{EventConnection, EventNames, TimelineFilter, TimelineSearch, event_names, timeline},
};
use crate::{
    auth::{access::Permission, masking},
    clock,
    engine::state::State,
    views::profile_view::Customer,
};

/// A customer as of a date. Fields that the list's row does not have are read on demand.
#[derive(Debug)]
pub(super) struct Profile {
    key: ClusterKey,
    unified_id: profile360_core::identifier::UnifiedId,
    as_of: NaiveDate,
    /// The purchase figures of the list's row, if the customer comes from the list.
    figures: Option<Figures>,
    /// The customer, if it is already loaded.
    customer: Option<Arc<Customer>>,
}

impl Profile {
    pub(super) fn of(customer: &Arc<Customer>, as_of: NaiveDate) -> Self {
        Self {
            key: customer.key,
            unified_id: customer.profile.unified_id,
            as_of,
            figures: None,
            customer: Some(customer.clone()),
        }
    }

    /// A customer that each response reads for itself.
    pub(super) fn unread(customer: &Customer, as_of: NaiveDate) -> Self {
        let unified_id = customer.profile.unified_id;
        Self { key: customer.key, unified_id, as_of, figures: None, customer: None }
    }

    /// A row of the list, whose customer is not loaded yet.
    pub(super) fn listed(listed: &Listed, as_of: NaiveDate) -> Self {
        let unified_id = listed.position.id;
        Self { key: listed.key, unified_id, as_of, figures: Some(listed.figures), customer: None }
    }

    async fn customer(&self, ctx: &Context<'_>) -> Result<Arc<Customer>> {
        let found = match &self.customer {
            Some(customer) => customer.clone(),
            None => ctx.data::<Loaders>()?.customer(self.key, self.unified_id).await?,
        };
        saw_customer(ctx, &found);
        Ok(found)
    }
}

/// A customer, as of a date.
#[Object]
impl Profile {
    /// The global ID.
    pub(super) async fn id(&self) -> ID {
        global_id(self.unified_id)
    }

    /// The unified ID.
    async fn unified_id(&self) -> ID {
        ID(self.unified_id.to_string())
    }

    /// The unified IDs of profiles that were merged into this one.
    async fn superseded_ids(&self, ctx: &Context<'_>) -> Result<Vec<ID>> {
        Ok(self.customer(ctx).await?.profile.superseded_ids.iter().map(|it| ID(it.to_string())).collect())
    }

    /// Changes whenever a fact, a decision or the policy changes this profile.
    async fn revision(&self, ctx: &Context<'_>) -> Result<String> {
        let customer = self.customer(ctx).await?;
        let app = ctx.data::<App>()?;
        let State { policy, decisions, .. } = &*app.state().await?;
        Ok(customer.revision(decisions, policy))
    }

    /// The date for which age and purchase figures are computed.
    async fn as_of(&self) -> Date {
        Date(self.as_of)
    }

    /// Basic information.
    async fn basic(&self, ctx: &Context<'_>) -> Result<BasicInfo> {
        let customer = self.customer(ctx).await?;
        let basic = customer.profile.basic(self.as_of);
        if caller(ctx)?.may(Permission::ReadPersonal) {
            return Ok(basic.into());
        }
        // Requests with consecutive dates would reveal the birthday, so masked age groups are always as of today.
        let age_group = customer.profile.basic(clock::today(&ctx.data::<App>()?.policy)).age_group;
        let masked_name = basic.name.as_deref().map(masking::name);
        let avatar = avatar(masked_name.as_deref().filter(|name| masking::shows_first_letter(name)));
        Ok(profile::model::BasicInfo { age_group, avatar, ..basic }.into())
    }

    /// Its identifiers.
    async fn identifiers(&self, ctx: &Context<'_>) -> Result<Vec<Identifier>> {
        Ok(self.customer(ctx).await?.profile.identifiers.iter().map(|it| Identifier(it.clone())).collect())
    }

    /// The device that was used last.
    async fn recent_device(&self, ctx: &Context<'_>) -> Result<Option<Device>> {
        Ok(self.customer(ctx).await?.profile.recent_device.clone().map(Device::from))
    }

    /// All devices, the one used last first.
    async fn devices(&self, ctx: &Context<'_>) -> Result<Vec<Device>> {
        Ok(self.customer(ctx).await?.profile.devices.iter().cloned().map(Device::from).collect())
    }

    /// Standard and custom attributes, each with the origin of its value.
    async fn attributes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only attributes of these names; all if left out.")] names: Option<Vec<String>>,
    ) -> Result<Vec<Attribute>> {
        let customer = self.customer(ctx).await?;
        let names: Option<BTreeSet<String>> = names.map(|names| names.into_iter().collect());
        let is_wanted = |name: &str| names.as_ref().is_none_or(|names| names.contains(name));
        Ok(customer.profile.attributes.iter().filter(|it| is_wanted(&it.name)).cloned().map(Attribute::from).collect())
    }

    /// Its consents.
    async fn consents(&self, ctx: &Context<'_>) -> Result<Vec<Consent>> {
        Ok(self.customer(ctx).await?.profile.consents.iter().cloned().map(Consent::from).collect())
    }

    /// Its activity, in numbers.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Activity::from(&self.customer(ctx).await?.profile.activity))
    }

    /// Its purchases, in numbers.
    async fn purchases(
        &self,
        #[graphql(
            desc = "The currency of the figures (ISO 4217); the policy's, or the customer's most used one, if left out."
        )]
        currency: Option<String>,
        #[graphql(default_with = "Some(false)", desc = "Whether refunds are subtracted.")] net_of_refunds: Option<bool>,
    ) -> Result<PurchaseInfo> {
        let parse = |code: String| {
            Currency::parse(&code)
                .ok_or_else(|| ErrorCode::BadUserInput.with("currency: use a code of ISO 4217, such as KRW"))
        };
        let currency = currency.map(parse).transpose()?;
        Ok(PurchaseInfo::new(
            self.key,
            self.unified_id,
            self.as_of,
            currency,
            net_of_refunds.unwrap_or(false),
            self.figures,
        ))
    }

    /// The links that connect its identifiers.
    #[graphql(complexity = "20 + child_complexity")]
    async fn graph(&self, ctx: &Context<'_>) -> Result<IdentityGraph> {
        graph(ctx.data::<App>()?, &*self.customer(ctx).await?).await
    }

    /// Its events, newest first. A page may have fewer entries than asked, even none, before the last page, as the server reads
    /// about 2,000 messages for one: continue with its cursor while there is a next page.
    #[graphql(
        complexity = "20 + if search.is_some() { 1_000 } else { 0 } + first.or(last).unwrap_or(50).clamp(1, 1000) as usize * child_complexity.max(1)"
    )]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection, and a filter")]
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only events of these names.")] events: Option<Vec<String>>,
        #[graphql(desc = "Only events that contain this text; for roles that see personal data.")] search: Option<
            TimelineSearch,
        >,
        #[graphql(desc = "Only events in this range of time.")] at: Option<DateTimeRange>,
        #[graphql(desc = "How many entries from the start or after `after`; 50 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Only entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Only entries before this cursor.")] before: Option<String>,
    ) -> Result<EventConnection> {
        let customer = self.customer(ctx).await?;
        let filter = TimelineFilter { events, search, at };
        timeline(ctx, &customer, filter, Arguments { first, after, last, before }).await
    }

    /// The names of its events, with counts.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn event_names(&self, ctx: &Context<'_>) -> Result<EventNames> {
        event_names(ctx, &*self.customer(ctx).await?).await
    }
}

/// Basic data of a customer, as of the date of the profile.
#[derive(Debug, SimpleObject)]
pub(super) struct BasicInfo {
    /// A placeholder for a picture.
    avatar: Avatar,
    /// The name.
    name: Option<String>,
    /// The platforms on which the customer was seen.
    platforms: Vec<Platform>,
    /// The number of devices of the customer.
    device_count: i32,
    /// The phone number of the customer, in E.164.
    phone: Option<String>,
    /// The email address of the customer.
    email: Option<String>,
    /// The gender.
    gender: Option<Gender>,
    /// The date of birth.
    birth_date: Option<Date>,
    /// The age in full years.
    age: Option<i32>,
    /// The decade of the age, as `10s` to `70s+`.
    age_group: Option<String>,
    /// The level of membership.
    membership_level: Option<String>,
    /// The area of the most recently used device: region and city, otherwise the country.
    recent_area: Option<String>,
}

/// A placeholder for a picture of a customer.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Avatar {
    /// The first letter of the name.
    letter: String,
    /// A color that depends on the letter alone, as `#rrggbb`.
    color: String,
}

impl From<profile::avatar::Avatar> for Avatar {
    fn from(avatar: profile::avatar::Avatar) -> Self {
        Self { letter: avatar.letter, color: avatar.color.to_owned() }
    }
}

impl From<profile::model::BasicInfo> for BasicInfo {
    fn from(it: profile::model::BasicInfo) -> Self {
        Self {
            avatar: it.avatar.into(),
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

/// A value that identifies a customer in some system.
#[Object]
impl Identifier {
    /// Its kind, such as `phone`; the policy lists the kinds.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Its value, normalized by its kind.
    async fn value(&self, ctx: &Context<'_>) -> Result<Cow<'_, str>> {
        saw_identifier(ctx, self.0.unified_id);
        if caller(ctx)?.may(Permission::ReadPersonal) {
            return Ok(Cow::Borrowed(&*self.0.value));
        }
        let app = ctx.data_opt::<App>();
        let form = app.and_then(|app| app.policy.kind(&self.0.kind)).map_or(&Form::Trimmed, |rule| &rule.form);
        Ok(Cow::Owned(masking::identifier(form, &self.0.value)))
    }

    /// The unified ID that it has on its own.
    async fn unified_id(&self) -> ID {
        ID(self.0.unified_id.to_string())
    }

    /// When it was first seen.
    async fn first_seen_at(&self) -> DateTime {
        self.0.first_seen_at.into()
    }

    /// When it was last seen.
    async fn last_seen_at(&self) -> DateTime {
        self.0.last_seen_at.into()
    }

    /// The sources that sent it.
    async fn sources(&self) -> Vec<&str> {
        self.0.sources.iter().map(AsRef::as_ref).collect()
    }

    /// Whether it is not used for matching, because it links too many customers.
    async fn shared(&self) -> bool {
        self.0.shared
    }

    /// When it was retired and passed to its next owner; null while it is in use.
    async fn retired_at(&self) -> Option<DateTime> {
        self.0.retired_at.map(DateTime::from)
    }
}

/// A device, with the latest value of each field.
#[derive(Debug, SimpleObject)]
struct Device {
    /// The ID of the device.
    device_id: String,
    /// The model.
    model: Option<String>,
    /// The operating system.
    os: Option<String>,
    /// The version of the operating system.
    os_version: Option<String>,
    /// The browser.
    browser: Option<String>,
    /// The version of the browser.
    browser_version: Option<String>,
    /// The mobile network.
    carrier: Option<String>,
    /// The language setting, such as `ko-KR`.
    language: Option<String>,
    /// The time zone setting.
    time_zone: Option<String>,
    /// The country of its last location.
    country: Option<String>,
    /// The region of its last location.
    region: Option<String>,
    /// The city of its last location.
    city: Option<String>,
    /// Country, region and city in one text, as far as they are known.
    area: Option<String>,
    /// The SDK that sent the message.
    library_platform: Option<String>,
    /// The version of the SDK.
    library_version: Option<String>,
    /// Whether its ID is not linked to this customer, because many people use it or it is another customer's.
    shared: bool,
    /// When it was last used.
    last_used_at: DateTime,
}

impl From<profile::model::Device> for Device {
    fn from(it: profile::model::Device) -> Self {
        let text = |text: Option<Arc<str>>| text.map(|text| text.to_string());
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
            shared: it.shared,
            last_used_at: it.last_used_at.into(),
        }
    }
}

/// A property of a customer, with the origin of its value.
#[derive(Debug, SimpleObject)]
struct Attribute {
    /// Its name in messages.
    name: String,
    /// Whether it is a standard attribute, such as name or gender.
    standard: bool,
    /// The value that the policy's rule selects.
    value: Json,
    /// The policy's rule that selects the value, such as `latest`.
    rule: String,
    /// When the value was last sent.
    observed_at: DateTime,
    /// The source that sent it.
    source: String,
    /// The identifier of the message that sent it.
    identifier: Identifier,
    /// The other values, newest first.
    others: Vec<AttributeObservation>,
}

/// A value of an attribute that the policy's rule did not select.
#[derive(Debug, SimpleObject)]
struct AttributeObservation {
    /// The value.
    value: Json,
    /// When it was last sent.
    observed_at: DateTime,
    /// The source that sent it.
    source: String,
    /// The identifier of the message that sent it.
    identifier: Identifier,
}

impl From<profile::model::Attribute> for Attribute {
    fn from(it: profile::model::Attribute) -> Self {
        let observation = |other: profile::model::AttributeObservation| AttributeObservation {
            value: Json(other.value.to_value()),
            observed_at: other.observed_at.into(),
            source: other.source.to_string(),
            identifier: Identifier(other.identifier),
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

/// A customer's consent to one channel; across identifiers the strictest value counts.
#[derive(Debug, SimpleObject)]
struct Consent {
    /// The channel, such as `sms_ads`.
    channel: String,
    /// Whether it is granted.
    granted: bool,
    /// When the value was last sent.
    observed_at: DateTime,
    /// The source that sent it.
    source: String,
}

impl From<profile::model::Consent> for Consent {
    fn from(it: profile::model::Consent) -> Self {
        Self {
            channel: it.channel.to_owned(),
            granted: it.granted,
            observed_at: it.observed_at.into(),
            source: it.source.to_string(),
        }
    }
}

/// The activity of a customer, in numbers.
#[derive(Debug, SimpleObject)]
pub(super) struct Activity {
    /// When the customer was first seen.
    first_access_at: DateTime,
    /// When the customer was last seen.
    last_activity_at: DateTime,
    /// How many events the customer has.
    event_count: i32,
    /// How many sessions the customer has.
    session_count: i32,
    /// The time of the latest message about the customer.
    last_updated_at: DateTime,
}

impl From<&profile::model::Activity> for Activity {
    fn from(it: &profile::model::Activity) -> Self {
        Self {
            first_access_at: it.first_access_at.into(),
            last_activity_at: it.last_activity_at.into(),
            event_count: count(it.event_count),
            session_count: count(it.session_count),
            last_updated_at: it.last_updated_at.into(),
        }
    }
}

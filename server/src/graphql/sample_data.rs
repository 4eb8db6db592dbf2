//! Sample data: made-up customers for an empty database.

use std::time::Duration;

use async_graphql::{Context, Object, Result, SimpleObject};
use profile360_directory::Index;

use super::{
    App,
    authorization::caller,
    error::{ErrorCode, unavailable},
    request_context::{DeadlineExtension, WrittenCommit, run_blocking},
    scalars::count,
};
use crate::{engine::ingest::Sender, sample_data};

/// The result of adding sample data.
#[derive(Debug, SimpleObject)]
pub(super) struct SampleData {
    /// Whether it was added. False if the database has customers or had some.
    is_added: bool,
    /// The number of messages that were ingested.
    messages: i32,
}

/// How long the response waits until the list shows the customers.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct SampleDataMutation;

#[Object]
impl SampleDataMutation {
    /// Fills an empty database with 300 made-up customers of a Korean shop, to look around. A database that has or had customers stays
    /// as it is.
    #[graphql(complexity = "1_000 + child_complexity")]
    async fn add_sample_data(&self, ctx: &Context<'_>) -> Result<SampleData> {
        let (app, caller) = (ctx.data::<App>()?, caller(ctx)?);
        let last_commit = app.store.last_commit().await.map_err(|it| unavailable(&it))?;
        if 0 < last_commit || !app.directory.read(Index::is_empty) {
            return Ok(SampleData { is_added: false, messages: 0 });
        }
        let messages = run_blocking(true, || sample_data::messages(&app.policy));
        let messages = messages.map_err(|_| ErrorCode::Internal.with("the sample data cannot be generated"))?;
        let ingesting = sample_data::ingest(&app.ingest, Sender::Caller(caller), &messages);
        let ingested = Box::pin(DeadlineExtension::with(ctx, ingesting)).await;
        let n_messages = ingested.map_err(|error| ErrorCode::from(&error).with(error.to_string()))?;
        if let Ok(commit) = app.store.last_commit().await {
            WrittenCommit::note(ctx, commit);
            app.directory.wait_until_listed(commit, LIST_TIMEOUT).await;
        }
        Ok(SampleData { is_added: true, messages: count(n_messages as u64) })
    }
}

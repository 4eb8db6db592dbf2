//! The moment of an answer: what it is read from, and until when.

use std::sync::Arc;

use async_graphql::{
    Data, Response,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
};

use tokio::time::timeout;

use super::{Current, error::ErrorCode, loaders::Loaders};

/// Gives each answer, each event of a subscription included, the application of that moment, and loads of its own: they are
/// batched and kept for its own length only.
#[derive(Debug)]
pub(super) struct Moment;

impl ExtensionFactory for Moment {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Moment {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        // The schema as text is asked without anything behind it.
        let Some(current) = ctx.data_opt::<Current>() else { return next.run(ctx, operation_name).await };
        let app = current.app();
        let mut data = Data::default();
        data.insert(Loaders::new(&app));
        let limit = app.limits.time;
        data.insert(app);
        match timeout(limit, next.run_with_data(ctx, operation_name, data)).await {
            Ok(response) => response,
            Err(_) => {
                let sentence = "the answer took longer than answers may; ask for less. What was sent may have been taken: to \
                                send it again changes nothing";
                Response::from_errors(vec![ErrorCode::TimedOut.of_request(sentence)])
            }
        }
    }
}

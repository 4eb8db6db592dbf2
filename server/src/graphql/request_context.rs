//! What one response is read from, and its deadline.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use async_graphql::{
    Context, Data, Response,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
};

use profile360_store::StoreError;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::timeout,
};

use super::{Current, error::ErrorCode, loaders::Loaders};

/// The shortest interval at which an expired deadline is checked for an extension.
const MIN_EXTENSION: Duration = Duration::from_secs(1);

/// How long a response keeps a thread before it yields, so that other tasks run and its deadline is checked.
const TIME_SLICE: Duration = Duration::from_millis(20);

/// Runs CPU-bound work. If it is expensive, the other tasks of this thread move to another one first.
pub(super) fn run_blocking<T>(is_expensive: bool, work: impl FnOnce() -> T) -> T {
    let can_block = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if is_expensive && can_block { tokio::task::block_in_place(work) } else { work() }
}

/// The time slice of a response. Most of a response is computed from memory without awaiting anything, so that without time slices
/// its deadline would never be checked.
#[derive(Debug)]
pub(super) struct TimeSlice {
    length: Duration,
    began: Mutex<Instant>,
}

impl Default for TimeSlice {
    fn default() -> Self {
        Self::of(TIME_SLICE)
    }
}

impl TimeSlice {
    fn of(length: Duration) -> Self {
        Self { length, began: Mutex::new(Instant::now()) }
    }

    fn began(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Yields to other tasks if the time slice is over.
    pub(super) async fn yield_if_over(&self) {
        poll_fn(|context| {
            if self.began().elapsed() < self.length {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Begins a new time slice each time that the response is polled.
    async fn run<T>(slice: Option<&Self>, response: impl Future<Output = T>) -> T {
        let mut response = pin!(response);
        poll_fn(|context| {
            if let Some(slice) = slice {
                *slice.began() = Instant::now();
            }
            response.as_mut().poll(context)
        })
        .await
    }
}

/// Gives each response, including each event of a subscription, one snapshot, and loaders that batch and cache for this response only.
/// All that a response reads is of one commit, whose number is in its `extensions`; after a mutation's commit, of that
/// or a later one.
#[derive(Debug)]
pub(super) struct RequestContext;

impl ExtensionFactory for RequestContext {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

/// The last commit that a response has written, for responses that read nothing after it.
#[derive(Debug, Clone, Default)]
pub(super) struct WrittenCommit(Arc<AtomicI64>);

impl WrittenCommit {
    pub(super) fn note(ctx: &Context<'_>, commit: i64) {
        if let Some(Self(written)) = ctx.data_opt::<Self>() {
            written.fetch_max(commit, Ordering::Relaxed);
        }
    }

    fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|commit| 0 < *commit)
    }
}

/// Extends the deadline of a response while it waits for a commit, which a timeout could not stop: without the extension, the client
/// would not learn the outcome. Afterwards the response gets a fresh timeout.
#[derive(Debug, Clone, Default)]
pub(super) struct DeadlineExtension(Arc<Extended>);

#[derive(Debug, Default)]
struct Extended {
    is_waiting: AtomicBool,
    /// Since the deadline was last checked.
    has_waited: AtomicBool,
}

impl DeadlineExtension {
    /// Awaits the result of a command, if necessary past the deadline. What is read afterwards includes its commit.
    pub(super) async fn with<T>(ctx: &Context<'_>, result: impl Future<Output = T>) -> T {
        let result = match ctx.data_opt::<Self>() {
            Some(extension) => extension.wait_for(result).await,
            None => result.await,
        };
        if let Some(loaders) = ctx.data_opt::<Loaders>() {
            loaders.refresh().await;
        }
        result
    }

    async fn wait_for<T>(&self, result: impl Future<Output = T>) -> T {
        self.0.is_waiting.store(true, Ordering::Relaxed);
        let result = result.await;
        self.0.has_waited.store(true, Ordering::Relaxed);
        self.0.is_waiting.store(false, Ordering::Relaxed);
        result
    }

    /// The extension of an expired deadline, if there is one.
    fn extend(&self, limit: Duration) -> Option<Duration> {
        if self.0.is_waiting.load(Ordering::Relaxed) {
            return Some(limit.max(MIN_EXTENSION));
        }
        self.0.has_waited.swap(false, Ordering::Relaxed).then_some(limit)
    }

    /// The response, or `None` if its deadline expires without an extension.
    async fn timeout<T>(&self, limit: Duration, response: impl Future<Output = T>) -> Option<T> {
        let mut response = pin!(response);
        let mut within = limit;
        loop {
            match timeout(within, &mut response).await {
                Ok(response) => return Some(response),
                Err(_) => within = self.extend(limit)?,
            }
        }
    }
}

#[async_trait::async_trait]
impl Extension for RequestContext {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        // The schema is exported without an application.
        let Some(current) = ctx.data_opt::<Current>() else { return next.run(ctx, operation_name).await };
        let app = current.app();
        let store = app.store.clone();
        let mut data = Data::default();
        data.insert(Loaders::new(&app));
        let limit = app.limits.time;
        data.insert(app);
        let extension = DeadlineExtension::default();
        data.insert(extension.clone());
        let written = WrittenCommit::default();
        data.insert(written.clone());
        let slice = ctx.data_opt::<Arc<TimeSlice>>().map(AsRef::as_ref);
        let response = TimeSlice::run(slice, next.run_with_data(ctx, operation_name, data));
        let Some(response) = extension.timeout(limit, response).await else {
            let sentence = "the request timed out; ask for less. Messages of it may have been accepted: it is safe to send them again";
            return Response::from_errors(vec![ErrorCode::TimedOut.of_request(sentence)]);
        };
        match store.commit_read().await.map(|read| read.max(written.get())) {
            Ok(Some(commit)) => response.extension("commit", commit.into()),
            Ok(None) => response,
            // Another projection has replaced the one that this response is of.
            Err(StoreError::Superseded) => response,
            Err(error) => {
                tracing::warn!(%error, "the commit number of a response could not be read");
                response
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_response_yields_when_its_time_slice_is_over() {
        use futures::FutureExt;
        let long = TimeSlice::of(Duration::from_secs(3_600));
        assert_eq!(long.yield_if_over().now_or_never(), Some(()));
        // An empty time slice yields forever, and the deadline is checked nevertheless.
        let short = TimeSlice::of(Duration::ZERO);
        assert_eq!(short.yield_if_over().now_or_never(), None);
        let response = TimeSlice::run(Some(&short), short.yield_if_over());
        assert_eq!(DeadlineExtension::default().timeout(Duration::from_millis(1), response).await, None);
    }

    #[tokio::test]
    async fn after_an_extension_the_response_gets_one_fresh_timeout() {
        const LIMIT: Duration = Duration::from_secs(30);
        let extension = DeadlineExtension::default();
        assert_eq!(extension.extend(LIMIT), None);
        let waiting = async { assert_eq!(extension.extend(LIMIT), Some(LIMIT)) };
        extension.wait_for(waiting).await;
        assert_eq!(extension.extend(LIMIT), Some(LIMIT), "the commit used up the first timeout");
        assert_eq!(extension.extend(LIMIT), None, "only once");
    }

    #[tokio::test]
    async fn only_a_pending_commit_extends_the_deadline() {
        let none = DeadlineExtension::default().timeout(Duration::ZERO, std::future::pending::<()>()).await;
        assert_eq!(none, None);

        let (decided, decision) = oneshot::channel();
        let extension = DeadlineExtension::default();
        let deciding = async {
            tokio::task::yield_now().await;
            decided.send("decided").expect("the receiver waits");
        };
        let response = extension.timeout(Duration::ZERO, extension.wait_for(decision));
        assert_eq!(tokio::join!(response, deciding).0, Some(Ok("decided")));
    }
}

//! The moment of an answer: what it is read from, and until when.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use async_graphql::{
    Context, Data, Response,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::timeout,
};

use super::{Current, error::ErrorCode, loaders::Loaders};

/// How often it is looked whether something is still waited for, at most.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long an answer keeps a thread before others have their turn, and its own time is looked at.
const TURN: Duration = Duration::from_millis(20);

/// Does work that waits for nothing. Where there is much of it, others do not wait for the thread that does it.
pub(super) fn aside<T>(is_much: bool, work: impl FnOnce() -> T) -> T {
    let may_leave = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if is_much && may_leave { tokio::task::block_in_place(work) } else { work() }
}

/// The turn of an answer. Most of an answer is made of what is in memory, where nothing is waited for: without turns its time
/// would never be looked at.
#[derive(Debug)]
pub(super) struct Turn {
    length: Duration,
    began: Mutex<Instant>,
}

impl Default for Turn {
    fn default() -> Self {
        Self::of(TURN)
    }
}

impl Turn {
    fn of(length: Duration) -> Self {
        Self { length, began: Mutex::new(Instant::now()) }
    }

    fn began(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next turn where this one is over.
    pub(super) async fn give_way(&self) {
        poll_fn(|context| {
            if self.began().elapsed() < self.length {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// An answer whose turn begins each time that it is looked at.
    async fn take<T>(turn: Option<&Self>, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        poll_fn(|context| {
            if let Some(turn) = turn {
                *turn.began() = Instant::now();
            }
            answer.as_mut().poll(context)
        })
        .await
    }
}

/// Gives each answer, each event of a subscription included, the application of that moment, and loads of its own: they are
/// batched and kept for its own length only.
#[derive(Debug)]
pub(super) struct RequestContext;

impl ExtensionFactory for RequestContext {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

/// Whether an answer waits for something that may go on whether anyone waits or not. Then it is waited for, however long it takes:
/// whoever asked would otherwise not know what became of it. What is told of it then has its time anew.
#[derive(Debug, Clone, Default)]
pub(super) struct DeadlineExtension(Arc<Waited>);

#[derive(Debug, Default)]
struct Waited {
    is_waiting: AtomicBool,
    /// Since it was last looked.
    has_waited: AtomicBool,
}

impl DeadlineExtension {
    /// Waits for it, past the time that an answer may take.
    pub(super) async fn with<T>(ctx: &Context<'_>, result: impl Future<Output = T>) -> T {
        match ctx.data_opt::<Self>() {
            Some(patience) => patience.wait_for(result).await,
            None => result.await,
        }
    }

    async fn wait_for<T>(&self, result: impl Future<Output = T>) -> T {
        self.0.is_waiting.store(true, Ordering::Relaxed);
        let result = result.await;
        self.0.has_waited.store(true, Ordering::Relaxed);
        self.0.is_waiting.store(false, Ordering::Relaxed);
        result
    }

    /// How much longer an answer may take whose time is over, if at all.
    fn more_time(&self, limit: Duration) -> Option<Duration> {
        if self.0.is_waiting.load(Ordering::Relaxed) {
            return Some(limit.max(LOOK_AGAIN_AFTER));
        }
        self.0.has_waited.swap(false, Ordering::Relaxed).then_some(limit)
    }

    /// The answer, unless it takes longer and nothing is waited for.
    async fn answer_within<T>(&self, limit: Duration, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = pin!(answer);
        let mut within = limit;
        loop {
            match timeout(within, &mut answer).await {
                Ok(answer) => return Some(answer),
                Err(_) => within = self.more_time(limit)?,
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
        // The schema as text is asked without anything behind it.
        let Some(current) = ctx.data_opt::<Current>() else { return next.run(ctx, operation_name).await };
        let app = current.app();
        let mut data = Data::default();
        data.insert(Loaders::new(&app));
        let limit = app.limits.time;
        data.insert(app);
        let patience = DeadlineExtension::default();
        data.insert(patience.clone());
        let turn = ctx.data_opt::<Arc<Turn>>().map(AsRef::as_ref);
        let answer = Turn::take(turn, next.run_with_data(ctx, operation_name, data));
        let answer = patience.answer_within(limit, answer).await;
        answer.unwrap_or_else(|| {
            let sentence = "the answer took longer than answers may; ask for less. What was sent may have been taken: to send it \
                            again changes nothing";
            Response::from_errors(vec![ErrorCode::TimedOut.of_request(sentence)])
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn an_answer_gives_way_where_its_turn_is_over() {
        use futures::FutureExt;
        let long = Turn::of(Duration::from_secs(3_600));
        assert_eq!(long.give_way().now_or_never(), Some(()));
        // Over as soon as it begins: what gives way never ends by itself, and still its time is looked at.
        let short = Turn::of(Duration::ZERO);
        assert_eq!(short.give_way().now_or_never(), None);
        let answer = Turn::take(Some(&short), short.give_way());
        assert_eq!(DeadlineExtension::default().answer_within(Duration::from_millis(1), answer).await, None);
    }

    #[tokio::test]
    async fn what_is_told_of_a_decision_has_its_time_anew() {
        const LIMIT: Duration = Duration::from_secs(30);
        let patience = DeadlineExtension::default();
        assert_eq!(patience.more_time(LIMIT), None);
        let waiting = async { assert_eq!(patience.more_time(LIMIT), Some(LIMIT)) };
        patience.wait_for(waiting).await;
        assert_eq!(patience.more_time(LIMIT), Some(LIMIT), "the decision took all of it");
        assert_eq!(patience.more_time(LIMIT), None, "but once");
    }

    #[tokio::test]
    async fn an_answer_has_its_time_and_what_cannot_be_given_up_has_more() {
        let none = DeadlineExtension::default().answer_within(Duration::ZERO, std::future::pending::<()>()).await;
        assert_eq!(none, None);

        let (decided, decision) = oneshot::channel();
        let patience = DeadlineExtension::default();
        let deciding = async {
            tokio::task::yield_now().await;
            decided.send("decided").expect("it is waited for");
        };
        let answer = patience.answer_within(Duration::ZERO, patience.wait_for(decision));
        assert_eq!(tokio::join!(answer, deciding).0, Some(Ok("decided")));
    }
}

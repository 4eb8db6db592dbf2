//! GraphQL over a WebSocket: the protocol `graphql-transport-ws`.
//!
//! One task a connection. Backpressure: it polls the operations only as fast as the client reads, so that a slow subscriber falls behind
//! in the bounded queue of events, and one that reads nothing is disconnected. Before `connection_init` a connection is
//! unauthenticated: few of these may be open, and each may send little.
//!
//! async-graphql has this protocol, too (`async_graphql_axum::GraphQLWebSocket`). It does not fit, because the specification or the
//! limits here need more than it can be configured to do, as of 7.2.1:
//!
//! * the close codes: it closes with 1002 where an initialization is refused (4401 and 4403) or a message is invalid (4400), and with
//!   1011 for a subscription before the acknowledgment (4401); see <https://github.com/async-graphql/async-graphql/issues/406>;
//! * a `subscribe` with an ID in use replaces the operation (4409), `complete` of the client is answered with another one, which
//!   <https://github.com/enisdenjo/graphql-ws/issues/403> calls a bug, and a request error is sent as `next` in place of `error`;
//! * it parses each message without limits and without [`strict_json`], and it has no limit on the operations of a connection, no timeout
//!   for the initialization or for a client that does not read, and no second check of a key that is revoked.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_graphql::Response;
use axum::{
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
    },
    http::request::Parts,
    response::Response as HttpResponse,
};
use futures::{
    StreamExt,
    stream::{self, AbortHandle, BoxStream, SelectAll},
};
use profile360_ingest::strict_json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::{
    AppState, authenticate,
    concurrency_limits::{Client, Permit},
    connections::{ActiveGuard, ConnectionSlot},
    decode_body::Work,
    graphql::{Envelope, NoRequest},
    overloaded,
};
use crate::{
    auth::access::{Caller, Permission},
    graphql::{ErrorCode, is_last, subscribe},
};

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to read one frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// The bytes that a client may send before it is authenticated.
const MAX_BYTES_BEFORE_INIT: u64 = 64 * 1024;
/// The most bytes of a message. Each connection may buffer one that is incomplete.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// The buffers for reading and for writing.
const BUFFER: usize = 16 * 1024;
/// Larger requests keep their part of `--limit-work` for as long as they run.
const LARGE: usize = 64 * 1024;

/// The close code and the reason.
type CloseReason = (u16, &'static str);

const GOING_AWAY: CloseReason = (1001, "Going away");
const TOO_MANY: CloseReason = (1013, "Too many connections of this client; try again later");
const INVALID_MESSAGE: CloseReason = (4400, "Invalid message received");
const UNAUTHORIZED: CloseReason = (4401, "Unauthorized");
const FORBIDDEN: CloseReason = (4403, "Forbidden");
const NO_SUCH_PROTOCOL: CloseReason = (4406, "Subprotocol not acceptable");
const INIT_TIMEOUT: CloseReason = (4408, "Connection initialisation timeout");
const ID_IN_USE: CloseReason = (4409, "Subscriber for this ID already exists");
const TOO_MANY_INITS: CloseReason = (4429, "Too many initialisation requests");

/// Accepts a handshake.
pub(super) fn open(state: AppState, head: &Parts, upgrade: WebSocketUpgrade) -> HttpResponse {
    let client = Client::at(&head.extensions);
    let Ok(socket_permit) = state.sockets.acquire(&client, 1) else {
        return overloaded("too many WebSockets are open (--limit-sockets); try again later");
    };
    let Ok(permit) = state.unauthenticated_sockets.acquire(&client, 1) else {
        return overloaded("too many WebSockets wait for their connection_init (--limit-handshakes); try again later");
    };
    let is_origin_allowed = state.origin_check.allows_websocket(&head.headers);
    let slot = head.extensions.get::<Arc<ConnectionSlot>>().cloned();
    if let Some(slot) = &slot {
        slot.set_read_budget(MAX_BYTES_BEFORE_INIT);
    }
    let guard = slot.clone().map(ActiveGuard::new);
    let open = state.open_sockets.token();
    let limits = state.app().limits;
    let max = limits.query_body.min(limits.body).min(MAX_MESSAGE_BYTES);
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(max)
        .max_frame_size(max)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .on_upgrade(async move |socket| {
            Connection::new(state, socket, slot, is_origin_allowed, client, permit).run().await;
            drop((open, socket_permit, guard));
        })
}

struct Connection {
    state: AppState,
    socket: WebSocket,
    slot: Option<Arc<ConnectionSlot>>,
    is_origin_allowed: bool,
    /// The address; once it is authenticated, the key.
    client: Client,
    /// The permit for an unauthenticated socket, later the one for an authenticated.
    permit: Permit,
    /// None before `connection_init`.
    caller: Option<Caller>,
    operations: HashMap<String, AbortHandle>,
    results: SelectAll<BoxStream<'static, (String, OperationEvent)>>,
}

enum OperationEvent {
    Next(Box<Response>),
    Complete,
}

/// How a connection ends.
enum End {
    Close(CloseReason),
    /// The client has disconnected, or does not read any more.
    Disconnected,
}

/// A message of the client. Its payload is parsed when its type is known.
#[derive(Deserialize)]
struct ClientMessage<'t> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, default)]
    payload: Option<&'t RawValue>,
}

impl<'t> ClientMessage<'t> {
    fn read(text: &'t str) -> Option<Self> {
        text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
    }
}

fn is_object(payload: &RawValue) -> bool {
    payload.get().starts_with('{')
}

/// The request in a payload; `None` as error where the payload violates the protocol.
fn read_request(state: &AppState, text: &str, work: &Work) -> Result<async_graphql::Request, Option<NoRequest>> {
    work.add(text.len()).map_err(|fault| Some(NoRequest::from(fault)))?;
    work.add_values(text.as_bytes()).map_err(|fault| Some(NoRequest::from(fault)))?;
    let prepared = strict_json::prepared(text.as_bytes(), strict_json::OUTER_OF_REQUEST);
    let prepared = prepared.map_err(NoRequest::parse_failed)?;
    let envelope = Envelope::read(&prepared)?;
    if envelope.has_no_document() {
        return Err(None);
    }
    Ok(envelope.open(state, 0)?)
}

#[derive(Serialize)]
struct ServerMessage<'a, P> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<P>,
}

const NO_PAYLOAD: Option<()> = None;

impl Connection {
    fn new(
        state: AppState,
        socket: WebSocket,
        slot: Option<Arc<ConnectionSlot>>,
        is_origin_allowed: bool,
        client: Client,
        permit: Permit,
    ) -> Self {
        let (operations, results) = (HashMap::new(), SelectAll::new());
        Self { state, socket, slot, is_origin_allowed, client, permit, caller: None, operations, results }
    }

    async fn run(mut self) {
        let end = if self.socket.protocol().is_some_and(|it| it == PROTOCOL) {
            self.serve().await
        } else {
            End::Close(NO_SUCH_PROTOCOL)
        };
        if let End::Close((code, reason)) = end {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            // The client may have disconnected.
            timeout(SEND_TIMEOUT, self.socket.send(Message::Close(Some(frame)))).await.ok();
        }
    }

    async fn serve(&mut self) -> End {
        let mut stop = self.state.stop.clone();
        let mut init_timeout = Box::pin(sleep(self.state.app().limits.init));
        // A ping after each silence; a client that sends nothing until the next one is gone.
        let silence = self.state.app().limits.silence;
        let mut keep_alive = interval_at(Instant::now() + silence, silence);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_alive = true;
        loop {
            let step = tokio::select! {
                biased;
                // A dropped sender means stop, too.
                () = async { drop(stop.wait_for(|stopped| *stopped).await) } => Err(End::Close(GOING_AWAY)),
                () = &mut init_timeout, if self.caller.is_none() => Err(End::Close(INIT_TIMEOUT)),
                _ = keep_alive.tick() => {
                    if !self.is_key_valid() {
                        Err(End::Close(UNAUTHORIZED))
                    } else if std::mem::replace(&mut is_alive, false) {
                        self.send_frame(Message::Ping(Default::default())).await
                    } else {
                        Err(End::Disconnected)
                    }
                }
                frame = self.socket.recv() => {
                    is_alive = true;
                    match frame {
                        Some(Ok(Message::Text(text))) => self.handle(&text).await,
                        Some(Ok(Message::Binary(_))) => Err(End::Close(INVALID_MESSAGE)),
                        // The WebSocket library answers pings.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Disconnected),
                    }
                }
                Some((id, event)) = self.results.next(), if !self.results.is_empty() => self.send_event(id, event).await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn handle(&mut self, text: &str) -> Result<(), End> {
        let Some(message) = ClientMessage::read(text) else { return Err(End::Close(INVALID_MESSAGE)) };
        match (message.kind.as_str(), message.id) {
            ("connection_init" | "ping" | "pong", _) if !message.payload.is_none_or(is_object) => {
                Err(End::Close(INVALID_MESSAGE))
            }
            ("connection_init", _) if self.caller.is_some() => Err(End::Close(TOO_MANY_INITS)),
            ("connection_init", _) if !self.is_origin_allowed => Err(End::Close(FORBIDDEN)),
            ("connection_init", _) => {
                self.authenticate(message.payload).map_err(End::Close)?;
                self.send("connection_ack", None, NO_PAYLOAD).await
            }
            ("ping", _) => self.send("pong", None, message.payload).await,
            ("pong", _) => Ok(()),
            ("subscribe", Some(id)) if !id.is_empty() => {
                let payload = message.payload.filter(|it| is_object(it)).ok_or(End::Close(INVALID_MESSAGE))?;
                if self.caller.is_none() || !self.is_key_valid() {
                    return Err(End::Close(UNAUTHORIZED));
                }
                if self.operations.contains_key(&id) {
                    return Err(End::Close(ID_IN_USE));
                }
                self.start(id, payload.get()).await
            }
            ("complete", Some(id)) => {
                if let Some(running) = self.operations.remove(&id) {
                    running.abort();
                }
                Ok(())
            }
            _ => Err(End::Close(INVALID_MESSAGE)),
        }
    }

    /// Authenticates the connection. A key that only sends messages has no use for it: it sends them by POST.
    fn authenticate(&mut self, payload: Option<&RawValue>) -> Result<(), CloseReason> {
        let payload = payload.and_then(|it| serde_json::from_str::<Map<String, Value>>(it.get()).ok());
        let key = payload.as_ref().and_then(authenticate::credential_in);
        let caller = self.state.authentication.caller(key).map_err(|_| UNAUTHORIZED)?;
        if !caller.may(Permission::Read) {
            return Err(FORBIDDEN);
        }
        if let Some(key) = &caller.key {
            self.client = Client::Key(key.clone());
        }
        self.permit = self.state.authenticated_sockets.acquire(&self.client, 1).map_err(|_| TOO_MANY)?;
        if let Some(slot) = &self.slot {
            slot.set_read_budget(u64::MAX);
        }
        self.caller = Some(caller);
        Ok(())
    }

    /// Whether the key would still authenticate the connection: it can be revoked.
    fn is_key_valid(&self) -> bool {
        self.caller.as_ref().is_none_or(|caller| self.state.authentication.is_still_valid(caller))
    }

    async fn start(&mut self, id: String, text: &str) -> Result<(), End> {
        let max = self.state.app().limits.operations;
        if max <= self.operations.len() {
            let sentence = format!("at most {max} operations run at once on one connection; complete one first");
            return self.fail(&id, ErrorCode::TooManyOperations, &sentence).await;
        }
        let Some(caller) = self.caller.clone() else { return Err(End::Close(UNAUTHORIZED)) };
        let work = Work::new(&self.state.work, &self.client);
        let request = match read_request(&self.state, text, &work) {
            Ok(request) => request,
            Err(None) => return Err(End::Close(INVALID_MESSAGE)),
            Err(Some(NoRequest::Refused(code, sentence))) => return self.fail(&id, code, &sentence).await,
            Err(Some(NoRequest::Failed(error))) => return self.send("error", Some(&id), Some([error])).await,
        };
        let kept_work = (LARGE < text.len()).then_some(work);
        let responses = subscribe(&self.state.schema, &self.state.current, caller, request);
        let complete = stream::once(async move {
            drop(kept_work);
            OperationEvent::Complete
        });
        let events = responses.map(|response| OperationEvent::Next(Box::new(response))).chain(complete);
        let (events, handle) = stream::abortable(events);
        self.operations.insert(id.clone(), handle);
        self.results.push(events.map(move |event| (id.clone(), event)).boxed());
        Ok(())
    }

    async fn fail(&mut self, id: &str, code: ErrorCode, sentence: &str) -> Result<(), End> {
        let error = json!([{ "message": sentence, "extensions": { "code": code.as_str() } }]);
        self.send("error", Some(id), Some(error)).await
    }

    async fn send_event(&mut self, id: String, event: OperationEvent) -> Result<(), End> {
        if !self.is_key_valid() {
            return Err(End::Close(UNAUTHORIZED));
        }
        match event {
            OperationEvent::Next(response) if is_last(&response) => {
                if let Some(running) = self.operations.remove(&id) {
                    running.abort();
                }
                self.send("error", Some(&id), Some(response.errors)).await
            }
            OperationEvent::Next(response) => self.send("next", Some(&id), Some(*response)).await,
            OperationEvent::Complete => {
                self.operations.remove(&id);
                self.send("complete", Some(&id), NO_PAYLOAD).await
            }
        }
    }

    async fn send(&mut self, kind: &str, id: Option<&str>, payload: Option<impl Serialize>) -> Result<(), End> {
        let text = serde_json::to_string(&ServerMessage { id, kind, payload }).map_err(|_| End::Disconnected)?;
        self.send_frame(Message::Text(text.into())).await
    }

    async fn send_frame(&mut self, frame: Message) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Disconnected),
        }
    }
}

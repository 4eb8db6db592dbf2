//! GraphQL over a WebSocket: the protocol `graphql-transport-ws`.
//!
//! One task a connection. It asks no operation for more than the client has read, so what is not read waits where it is bounded: a
//! subscriber who reads too slowly falls behind in the news, and one who reads nothing is cut off.
//!
//! Until a connection has begun it is a stranger's: there are few places for these, and they send little.

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
    connections::{Busy, Seat},
    decode_body::Work,
    graphql::{Envelope, NoRequest},
    overloaded,
};
use crate::{
    auth::access::{Caller, Permission},
    graphql::{ErrorCode, is_last, subscribe},
};

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to take one frame.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);
/// What a client may send before it has begun, in bytes.
const BEFORE_BEGINNING: u64 = 64 * 1024;
/// The most bytes of a message. Each connection may hold one that is not whole yet.
const LARGEST: usize = 256 * 1024;
/// What a connection reads and writes at once.
const BUFFER: usize = 16 * 1024;
/// Requests of more bytes count among what is at work for as long as they run.
const LARGE: usize = 64 * 1024;

/// Why a connection is closed: the code and the words of the protocol.
type Reason = (u16, &'static str);

const GOING_AWAY: Reason = (1001, "Going away");
const TOO_MANY: Reason = (1013, "Too many connections of this client; try again later");
const INVALID_MESSAGE: Reason = (4400, "Invalid message received");
const UNAUTHORIZED: Reason = (4401, "Unauthorized");
const FORBIDDEN: Reason = (4403, "Forbidden");
const NO_SUCH_PROTOCOL: Reason = (4406, "Subprotocol not acceptable");
const TOO_SLOW_TO_BEGIN: Reason = (4408, "Connection initialisation timeout");
const ID_IN_USE: Reason = (4409, "Subscriber for this ID already exists");
const TOO_MANY_BEGINNINGS: Reason = (4429, "Too many initialisation requests");

/// Makes a connection out of a handshake.
pub(super) fn open(state: AppState, head: &Parts, upgrade: WebSocketUpgrade) -> HttpResponse {
    let client = Client::at(&head.extensions);
    let Ok(place) = state.sockets.take(&client, 1) else {
        return overloaded("as many connections are open as there are places for; try again later");
    };
    let Ok(stranger) = state.strangers.take(&client, 1) else {
        return overloaded(
            "as many connections wait for their connection_init as there are places for; try again later",
        );
    };
    let is_welcome = state.door.welcomes(&head.headers);
    let seat = head.extensions.get::<Arc<Seat>>().cloned();
    if let Some(seat) = &seat {
        seat.let_send(BEFORE_BEGINNING);
    }
    let busy = seat.clone().map(Busy::new);
    let open = state.open_sockets.token();
    let limits = state.app().limits;
    let largest = limits.query_body.min(limits.body).min(LARGEST);
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(largest)
        .max_frame_size(largest)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .on_upgrade(async move |socket| {
            Connection::new(state, socket, seat, is_welcome, client, stranger).run().await;
            drop((open, place, busy));
        })
}

struct Connection {
    state: AppState,
    socket: WebSocket,
    seat: Option<Arc<Seat>>,
    is_welcome: bool,
    /// Whose places it takes: the address's, and once it has begun, the key's.
    client: Client,
    /// Its place among those that have not begun, or then among its client's.
    place: Permit,
    /// Who it is; none before it began.
    caller: Option<Caller>,
    /// What runs, by its ID, and how to end it.
    running: HashMap<String, AbortHandle>,
    answers: SelectAll<BoxStream<'static, (String, Answer)>>,
}

enum Answer {
    Next(Box<Response>),
    End,
}

/// How a connection ends.
enum End {
    Closing(Reason),
    /// Nobody is there any more to say anything to.
    Gone,
}

/// What a client says. Its payload is read when it is known what it is.
#[derive(Deserialize)]
struct FromClient<'t> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, default)]
    payload: Option<&'t RawValue>,
}

impl<'t> FromClient<'t> {
    fn read(text: &'t str) -> Option<Self> {
        text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
    }
}

fn is_object(payload: &RawValue) -> bool {
    payload.get().starts_with('{')
}

/// The request of a subscription's payload; no reason where it is none of the protocol's.
fn read_request(state: &AppState, text: &str, work: &Work) -> Result<async_graphql::Request, Option<NoRequest>> {
    work.add(text.len()).map_err(|fault| Some(NoRequest::from(fault)))?;
    work.add_values(text.as_bytes()).map_err(|fault| Some(NoRequest::from(fault)))?;
    let prepared = strict_json::prepared(text.as_bytes(), strict_json::OUTER_OF_REQUEST);
    let envelope = Envelope::read(&prepared)?;
    if envelope.has_no_document() {
        return Err(None);
    }
    Ok(envelope.open(state, 0)?)
}

#[derive(Serialize)]
struct ToClient<'a, P> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<P>,
}

const NOTHING: Option<()> = None;

impl Connection {
    fn new(
        state: AppState,
        socket: WebSocket,
        seat: Option<Arc<Seat>>,
        is_welcome: bool,
        client: Client,
        place: Permit,
    ) -> Self {
        let (running, answers) = (HashMap::new(), SelectAll::new());
        Self { state, socket, seat, is_welcome, client, place, caller: None, running, answers }
    }

    async fn run(mut self) {
        let end = if self.socket.protocol().is_some_and(|it| it == PROTOCOL) {
            self.talk().await
        } else {
            End::Closing(NO_SUCH_PROTOCOL)
        };
        if let End::Closing((code, reason)) = end {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            // It may be gone already.
            timeout(TAKEN_WITHIN, self.socket.send(Message::Close(Some(frame)))).await.ok();
        }
    }

    async fn talk(&mut self) -> End {
        let mut stop = self.state.stop.clone();
        let mut begun_late = Box::pin(sleep(self.state.app().limits.init));
        // How often the other side is asked whether it is still there. One that has not answered by the next time is gone.
        let silence = self.state.app().limits.silence;
        let mut keep_alive = interval_at(Instant::now() + silence, silence);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_there = true;
        loop {
            let step = tokio::select! {
                biased;
                // When nobody can say stop any more it is time to stop, too.
                () = async { drop(stop.wait_for(|is_over| *is_over).await) } => Err(End::Closing(GOING_AWAY)),
                () = &mut begun_late, if self.caller.is_none() => Err(End::Closing(TOO_SLOW_TO_BEGIN)),
                _ = keep_alive.tick() => {
                    if !self.is_still_known() {
                        Err(End::Closing(UNAUTHORIZED))
                    } else if std::mem::replace(&mut is_there, false) {
                        self.say_frame(Message::Ping(Default::default())).await
                    } else {
                        Err(End::Gone)
                    }
                }
                frame = self.socket.recv() => {
                    is_there = true;
                    match frame {
                        Some(Ok(Message::Text(text))) => self.hear(&text).await,
                        Some(Ok(Message::Binary(_))) => Err(End::Closing(INVALID_MESSAGE)),
                        // Pings are answered below this.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
                    }
                }
                Some((id, answer)) = self.answers.next(), if !self.answers.is_empty() => self.tell(id, answer).await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn hear(&mut self, text: &str) -> Result<(), End> {
        let Some(said) = FromClient::read(text) else { return Err(End::Closing(INVALID_MESSAGE)) };
        match (said.kind.as_str(), said.id) {
            ("connection_init" | "ping" | "pong", _) if !said.payload.is_none_or(is_object) => {
                Err(End::Closing(INVALID_MESSAGE))
            }
            ("connection_init", _) if self.caller.is_some() => Err(End::Closing(TOO_MANY_BEGINNINGS)),
            ("connection_init", _) if !self.is_welcome => Err(End::Closing(FORBIDDEN)),
            ("connection_init", _) => {
                self.begin(said.payload).map_err(End::Closing)?;
                self.say("connection_ack", None, NOTHING).await
            }
            ("ping", _) => self.say("pong", None, said.payload).await,
            ("pong", _) => Ok(()),
            ("subscribe", Some(id)) if !id.is_empty() => {
                let payload = said.payload.filter(|it| is_object(it)).ok_or(End::Closing(INVALID_MESSAGE))?;
                if self.caller.is_none() || !self.is_still_known() {
                    return Err(End::Closing(UNAUTHORIZED));
                }
                if self.running.contains_key(&id) {
                    return Err(End::Closing(ID_IN_USE));
                }
                self.start(id, payload.get()).await
            }
            ("complete", Some(id)) => {
                if let Some(running) = self.running.remove(&id) {
                    running.abort();
                }
                Ok(())
            }
            _ => Err(End::Closing(INVALID_MESSAGE)),
        }
    }

    /// Lets in who begins. A key that reads nothing has nothing to do here: it sends by POST.
    fn begin(&mut self, payload: Option<&RawValue>) -> Result<(), Reason> {
        let payload = payload.and_then(|it| serde_json::from_str::<Map<String, Value>>(it.get()).ok());
        let key = payload.as_ref().and_then(authenticate::credential_in);
        let caller = self.state.authentication.caller(key).map_err(|_| UNAUTHORIZED)?;
        if !caller.may(Permission::Read) {
            return Err(FORBIDDEN);
        }
        if let Some(key) = &caller.key {
            self.client = Client::Key(key.clone());
        }
        self.place = self.state.begun_sockets.take(&self.client, 1).map_err(|_| TOO_MANY)?;
        if let Some(seat) = &self.seat {
            seat.let_send(u64::MAX);
        }
        self.caller = Some(caller);
        Ok(())
    }

    /// Whether who began would be let in now, too.
    fn is_still_known(&self) -> bool {
        self.caller.as_ref().is_none_or(|caller| self.state.authentication.is_still_valid(caller))
    }

    async fn start(&mut self, id: String, text: &str) -> Result<(), End> {
        let most = self.state.app().limits.operations;
        if most <= self.running.len() {
            let sentence = format!("at most {most} operations run at once on one connection; complete one first");
            return self.fail(&id, ErrorCode::TooManyOperations, &sentence).await;
        }
        let Some(caller) = self.caller.clone() else { return Err(End::Closing(UNAUTHORIZED)) };
        let work = Work::new(&self.state.work, &self.client);
        let request = match read_request(&self.state, text, &work) {
            Ok(request) => request,
            Err(None) => return Err(End::Closing(INVALID_MESSAGE)),
            Err(Some(NoRequest::Refused(code, sentence))) => return self.fail(&id, code, &sentence).await,
            Err(Some(NoRequest::Failed(error))) => return self.say("error", Some(&id), Some([error])).await,
        };
        let held = (LARGE < text.len()).then_some(work);
        let responses = subscribe(&self.state.schema, &self.state.current, caller, request);
        let answers = responses.map(|response| Answer::Next(Box::new(response))).chain(stream::once(async move {
            drop(held);
            Answer::End
        }));
        let (answers, handle) = stream::abortable(answers);
        self.running.insert(id.clone(), handle);
        self.answers.push(answers.map(move |answer| (id.clone(), answer)).boxed());
        Ok(())
    }

    async fn fail(&mut self, id: &str, code: ErrorCode, sentence: &str) -> Result<(), End> {
        let error = json!([{ "message": sentence, "extensions": { "code": code.as_str() } }]);
        self.say("error", Some(id), Some(error)).await
    }

    async fn tell(&mut self, id: String, answer: Answer) -> Result<(), End> {
        if !self.is_still_known() {
            return Err(End::Closing(UNAUTHORIZED));
        }
        match answer {
            Answer::Next(response) if is_last(&response) => {
                if let Some(running) = self.running.remove(&id) {
                    running.abort();
                }
                self.say("error", Some(&id), Some(response.errors)).await
            }
            Answer::Next(response) => self.say("next", Some(&id), Some(*response)).await,
            Answer::End => {
                self.running.remove(&id);
                self.say("complete", Some(&id), NOTHING).await
            }
        }
    }

    async fn say(&mut self, kind: &str, id: Option<&str>, payload: Option<impl Serialize>) -> Result<(), End> {
        let text = serde_json::to_string(&ToClient { id, kind, payload }).map_err(|_| End::Gone)?;
        self.say_frame(Message::Text(text.into())).await
    }

    async fn say_frame(&mut self, frame: Message) -> Result<(), End> {
        match timeout(TAKEN_WITHIN, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

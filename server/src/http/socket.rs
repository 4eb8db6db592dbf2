//! GraphQL over a WebSocket: the protocol `graphql-transport-ws`.
//!
//! One task a connection. It asks no operation for more than the client has taken, so what is not read waits where it is bounded: a
//! subscriber who reads too slowly falls behind in the news, and one who reads nothing is cut off.

use std::{collections::HashMap, time::Duration};

use async_graphql::{Request, Response};
use axum::{
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
    },
    http::{HeaderMap, Uri, header, uri::Authority},
    response::Response as HttpResponse,
};
use futures::{
    StreamExt,
    stream::{self, AbortHandle, BoxStream, SelectAll},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::{Site, gate, overloaded};
use crate::{
    access::{Caller, Need},
    graphql::{ErrorCode, is_last, subscribe},
};

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to take one frame.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// Why a connection is closed: the code and the words of the protocol.
type Reason = (u16, &'static str);

const GOING_AWAY: Reason = (1001, "Going away");
const INVALID_MESSAGE: Reason = (4400, "Invalid message received");
const UNAUTHORIZED: Reason = (4401, "Unauthorized");
const FORBIDDEN: Reason = (4403, "Forbidden");
const NO_SUCH_PROTOCOL: Reason = (4406, "Subprotocol not acceptable");
const TOO_SLOW_TO_BEGIN: Reason = (4408, "Connection initialisation timeout");
const ID_IN_USE: Reason = (4409, "Subscriber for this ID already exists");
const TOO_MANY_BEGINNINGS: Reason = (4429, "Too many initialisation requests");

/// Makes a connection out of a request.
pub(super) fn open(site: Site, headers: &HeaderMap, upgrade: WebSocketUpgrade) -> HttpResponse {
    if site.app().limits.sockets <= site.sockets.len() {
        return overloaded("as many connections are open as are taken; try again later");
    }
    let is_welcome = !is_from_elsewhere(headers);
    let open = site.sockets.token();
    let largest = site.app().limits.body;
    upgrade.protocols([PROTOCOL]).max_message_size(largest).max_frame_size(largest).on_upgrade(async move |socket| {
        Connection::new(site, socket, is_welcome).run().await;
        drop(open);
    })
}

/// Whether the page that opens this is another site's. No browser asks whether that may be, as it does for other requests.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let origin = origin.to_str().ok().and_then(|it| it.parse::<Uri>().ok());
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    origin.as_ref().and_then(Uri::authority).map(Authority::as_str) != host
}

struct Connection {
    site: Site,
    socket: WebSocket,
    is_welcome: bool,
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

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FromClient {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Ping {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Pong {
        #[serde(default, rename = "payload")]
        _payload: Option<Map<String, Value>>,
    },
    Subscribe {
        id: String,
        payload: Box<Request>,
    },
    Complete {
        id: String,
    },
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
    fn new(site: Site, socket: WebSocket, is_welcome: bool) -> Self {
        Self { site, socket, is_welcome, caller: None, running: HashMap::new(), answers: SelectAll::new() }
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
        let mut stop = self.site.stop.clone();
        let mut begun_late = Box::pin(sleep(self.site.app().limits.init));
        // How often the other side is asked whether it is still there. One that has not answered by the next time is gone.
        let silence = self.site.app().limits.silence;
        let mut keep_alive = interval_at(Instant::now() + silence, silence);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_there = true;
        loop {
            let step = tokio::select! {
                biased;
                // When nobody can say stop any more it is time to stop, too.
                () = async { drop(stop.wait_for(|it| *it).await) } => Err(End::Closing(GOING_AWAY)),
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
        let Ok(message) = serde_json::from_str::<FromClient>(text) else { return Err(End::Closing(INVALID_MESSAGE)) };
        match message {
            FromClient::ConnectionInit { .. } if self.caller.is_some() => Err(End::Closing(TOO_MANY_BEGINNINGS)),
            FromClient::ConnectionInit { .. } if !self.is_welcome => Err(End::Closing(FORBIDDEN)),
            FromClient::ConnectionInit { payload } => {
                self.caller = Some(self.let_in(payload.as_ref()).map_err(End::Closing)?);
                self.say("connection_ack", None, NOTHING).await
            }
            FromClient::Ping { payload } => self.say("pong", None, payload).await,
            FromClient::Pong { .. } => Ok(()),
            FromClient::Subscribe { .. } if self.caller.is_none() || !self.is_still_known() => {
                Err(End::Closing(UNAUTHORIZED))
            }
            FromClient::Subscribe { id, payload }
                if id.is_empty() || (payload.query.trim().is_empty() && payload.extensions.is_empty()) =>
            {
                Err(End::Closing(INVALID_MESSAGE))
            }
            FromClient::Subscribe { id, .. } if self.running.contains_key(&id) => Err(End::Closing(ID_IN_USE)),
            FromClient::Subscribe { id, payload } => self.start(id, *payload).await,
            FromClient::Complete { id } => {
                if let Some(running) = self.running.remove(&id) {
                    running.abort();
                }
                Ok(())
            }
        }
    }

    /// Who begins. A key that reads nothing has nothing to do here: it sends by POST.
    fn let_in(&self, payload: Option<&Map<String, Value>>) -> Result<Caller, Reason> {
        let Some(gate) = &self.site.gate else { return Ok(Caller::local()) };
        let caller = gate.caller(payload.and_then(gate::shown_in)).map_err(|_| UNAUTHORIZED)?;
        if caller.may(Need::Read) { Ok(caller) } else { Err(FORBIDDEN) }
    }

    /// Whether whoever began would be let in now, too.
    fn is_still_known(&self) -> bool {
        let (Some(gate), Some(caller)) = (&self.site.gate, &self.caller) else { return true };
        gate.still_knows(caller)
    }

    async fn start(&mut self, id: String, request: Request) -> Result<(), End> {
        let most = self.site.app().limits.operations;
        if most <= self.running.len() {
            let message = format!("at most {most} operations run at once on one connection; complete one first");
            let code = ErrorCode::TooManyOperations.as_str();
            let error = json!([{ "message": message, "extensions": { "code": code } }]);
            return self.say("error", Some(&id), Some(error)).await;
        }
        let Some(caller) = self.caller.clone() else { return Err(End::Closing(UNAUTHORIZED)) };
        let request = match self.site.documents.resolve(request) {
            Ok(request) => request,
            Err(error) => return self.say("error", Some(&id), Some([error])).await,
        };
        let responses = subscribe(&self.site.schema, &self.site.current, caller, request);
        let answers = responses.map(|it| Answer::Next(Box::new(it))).chain(stream::once(async { Answer::End }));
        let (answers, handle) = stream::abortable(answers);
        self.running.insert(id.clone(), handle);
        self.answers.push(answers.map(move |it| (id.clone(), it)).boxed());
        Ok(())
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

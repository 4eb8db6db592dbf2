//! A WebSocket to a running server, frame by frame.

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{Server, deadline::LONGEST_WAIT};

/// One connection. It answers pings while it reads the next frame.
#[derive(Debug)]
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What was received.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Said(Value),
    Closed(u16),
    /// The connection ended without a close frame.
    Nothing,
}

impl Socket {
    /// Opens a connection with a protocol and an origin.
    pub async fn open(server: &Server, protocol: &'static str, origin: Option<&str>) -> Self {
        let address = server.url("/graphql").replacen("http", "ws", 1);
        let mut request = address.into_client_request().expect("an address");
        let headers = request.headers_mut();
        if !protocol.is_empty() {
            headers.insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        }
        if let Some(origin) = origin {
            headers.insert("origin", HeaderValue::from_str(origin).expect("an origin"));
        }
        match connect_async(request).await {
            Ok((socket, _)) => Self(socket),
            Err(error) => panic!("{error}: {}", server.log()),
        }
    }

    /// Opens and initializes a connection.
    pub async fn begin(server: &Server) -> Self {
        let mut socket = Self::open(server, "graphql-transport-ws", None).await;
        socket.say(r#"{"type":"connection_init"}"#).await;
        assert_eq!(socket.hear().await, Heard::Said(serde_json::json!({ "type": "connection_ack" })));
        socket
    }

    /// Opens a connection and initializes it with a payload. Returns the response.
    pub async fn begin_with(server: &Server, payload: &Value) -> (Self, Heard) {
        let mut socket = Self::open(server, "graphql-transport-ws", None).await;
        socket.say(serde_json::json!({ "type": "connection_init", "payload": payload }).to_string()).await;
        let heard = socket.hear().await;
        (socket, heard)
    }

    pub async fn say(&mut self, text: impl Into<String>) {
        self.0.send(Message::Text(text.into().into())).await.expect("it is open");
    }

    /// Sends a text, even if the server may have closed the connection.
    pub async fn try_say(&mut self, text: impl Into<String>) {
        self.0.send(Message::Text(text.into().into())).await.ok();
    }

    pub async fn say_bytes(&mut self, bytes: &[u8]) {
        self.0.send(Message::Binary(bytes.to_vec().into())).await.expect("it is open");
    }

    pub async fn hear(&mut self) -> Heard {
        loop {
            match self.next().await {
                Some(Ok(Message::Text(text))) => return Heard::Said(serde_json::from_str(&text).expect("it is JSON")),
                Some(Ok(Message::Close(frame))) => {
                    return frame.map_or(Heard::Nothing, |it| Heard::Closed(it.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Nothing,
            }
        }
    }

    async fn next(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        match tokio::time::timeout(LONGEST_WAIT, self.0.next()).await {
            Ok(frame) => frame,
            Err(_) => panic!("the server sent nothing for {} seconds", LONGEST_WAIT.as_secs()),
        }
    }

    /// Waits for a ping without answering it: pongs are sent only with later frames.
    pub async fn is_asked(&mut self) {
        let heard = self.next().await;
        assert!(matches!(heard, Some(Ok(Message::Ping(_)))), "{heard:?}");
    }

    /// The next message. Panics if there is none.
    pub async fn said(&mut self) -> Value {
        match self.hear().await {
            Heard::Said(message) => message,
            other => panic!("{other:?}"),
        }
    }
}

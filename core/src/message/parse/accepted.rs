//! Accepted messages and the text that is kept of them.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::rewrite::member;
use crate::message::{
    Message, MessageType,
    refusal::{Refusal, RefusalCode, Warning, refusal},
    syntax::{Object, object_of},
};

/// An accepted message, with warnings about what was left out and the text that is kept.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub message: Message,
    pub message_type: MessageType,
    /// The message as JSON, without the device's address and with what that and the user agent said: the evidence that
    /// everything else can be rebuilt from.
    pub payload: String,
    pub warnings: Vec<Warning>,
    /// Whether the sender gave no message ID and it was made of the contents.
    pub is_id_made: bool,
}

/// The field of a kept message that says by whose key it came.
const RECEIVED_BY: &str = "received_by";

impl Accepted {
    /// Keeps with the message the ID of the key that it came by.
    pub fn receive_by(&mut self, key_id: &str) {
        if let Some(rest) = self.payload.strip_prefix('{') {
            let field = member(RECEIVED_BY, &serde_json::Value::from(key_id).to_string());
            self.payload = format!("{{{field},{rest}");
        }
    }

    /// Refuses names with control characters, which logs and terminals obey; leaves out attributes of such names, and says what
    /// cannot be shown.
    pub(super) fn check_names(mut self) -> Result<Self, Refusal> {
        let message = &mut self.message;
        let names = [
            ("message_id", Some(&message.id)),
            ("source", Some(&message.source)),
            ("event", message.event.as_ref()),
            ("session_id", message.session_id.as_ref()),
        ];
        let has_control = |text: &str| text.contains(char::is_control);
        if let Some((path, _)) = names.into_iter().find(|(_, name)| name.is_some_and(|name| has_control(name))) {
            let detail = "it holds a control character; send it without";
            return Err(refusal(RefusalCode::ControlCharacter, path, detail));
        }
        let bad: Vec<String> = message.attributes.keys().filter(|name| has_control(name)).cloned().collect();
        if !bad.is_empty() {
            self.payload = without_attributes(&self.payload, &bad);
        }
        for name in bad {
            message.attributes.remove(&name);
            self.warnings.push(Warning {
                code: "ATTRIBUTE_NAME",
                path: format!("attributes.{name}"),
                detail: "an attribute's name holds no control character; it was left out".to_owned(),
            });
        }
        self.leave_out_received_by();
        Ok(self)
    }

    /// Only the server says by whose key a message came. The parser has warned of the unknown field already.
    fn leave_out_received_by(&mut self) {
        if !self.warnings.iter().any(|warning| warning.path == RECEIVED_BY) {
            return;
        }
        let Ok(Object(fields)) = object_of(&self.payload) else { return };
        let rest = fields.iter().filter(|(name, _)| name != RECEIVED_BY).map(|(name, raw)| member(name, raw.get()));
        self.payload = format!("{{{}}}", rest.collect::<Vec<_>>().join(","));
    }
}

/// A kept message without attributes of those names: read again it says the same.
fn without_attributes(payload: &str, names: &[String]) -> String {
    let Ok(Object(fields)) = object_of(payload) else { return payload.to_owned() };
    let kept = |(name, raw): &(Cow<'_, str>, &RawValue)| match object_of(raw.get()) {
        Ok(Object(attributes)) if name == "attributes" => {
            let rest = attributes.iter().filter(|(name, _)| !names.iter().any(|bad| bad == name));
            let rest: Vec<String> = rest.map(|(name, raw)| member(name, raw.get())).collect();
            member(name, &format!("{{{}}}", rest.join(",")))
        }
        _ => member(name, raw.get()),
    };
    format!("{{{}}}", fields.iter().map(kept).collect::<Vec<_>>().join(","))
}

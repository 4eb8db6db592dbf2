//! JSON read into a tree first, and values read from that.
//!
//! What serde derives is compiled again for each source of each type. Read from text, forty types are more than half of what
//! the browser may download; read from a tree they are a fifth of it. Errors name what was expected, and no values.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, MapAccess, SeqAccess, VariantAccess, Visitor},
};

/// A JSON value. Objects keep their fields in the order of the text, repeated names included.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonValue {
    Null,
    Bool(bool),
    Negative(i64),
    Natural(u64),
    Float(f64),
    Text(String),
    List(Vec<JsonValue>),
    Object(Vec<(String, JsonValue)>),
}

/// Why a tree is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonValueError(String);

impl JsonValueError {
    pub fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

impl JsonValue {
    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// Where the text is none.
    pub fn parse(text: &str) -> Result<Self, JsonValueError> {
        serde_json::from_str(text).map_err(|it| JsonValueError(it.to_string()))
    }

    /// The last field of an object of that name.
    pub fn field(&self, name: &str) -> Option<&Self> {
        if let Self::Object(fields) = self {
            fields.iter().rev().find(|(it, _)| it == name).map(|(_, value)| value)
        } else {
            None
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Reads a value of this tree.
    ///
    /// # Errors
    ///
    /// Where the tree is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, JsonValueError> {
        T::deserialize(self)
    }
}

impl From<&serde_json::Value> for JsonValue {
    fn from(value: &serde_json::Value) -> Self {
        // Every JSON value can be represented.
        Self::deserialize(value).unwrap_or(Self::Null)
    }
}

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = JsonValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            fn visit_unit<E>(self) -> Result<JsonValue, E> {
                Ok(JsonValue::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<JsonValue, E> {
                Ok(JsonValue::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<JsonValue, E> {
                Ok(u64::try_from(value).map_or(JsonValue::Negative(value), JsonValue::Natural))
            }

            fn visit_u64<E>(self, value: u64) -> Result<JsonValue, E> {
                Ok(JsonValue::Natural(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<JsonValue, E> {
                Ok(JsonValue::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<JsonValue, E> {
                Ok(JsonValue::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<JsonValue, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(JsonValue::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonValue, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(JsonValue::Object(fields))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Negative(value) => serializer.serialize_i64(*value),
            Self::Natural(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

impl de::Error for JsonValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn Expected) -> Self {
        expected_something(expected)
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn Expected) -> Self {
        expected_something(expected)
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        expected_something(expected)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(format!("it is none of {}", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self(format!("there is a field that is none of {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(["the field ", field, " is missing"].concat())
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(["the field ", field, " is there twice"].concat())
    }
}

fn expected_something(expected: &dyn Expected) -> JsonValueError {
    JsonValueError(format!("it must be {expected}"))
}

fn wrong(what: &str) -> JsonValueError {
    JsonValueError(["it must be ", what].concat())
}

impl JsonValue {
    fn signed(&self) -> Result<i64, JsonValueError> {
        match self {
            Self::Negative(value) => Ok(*value),
            Self::Natural(value) => i64::try_from(*value).map_err(|_| wrong("a smaller number")),
            Self::Null | Self::Bool(_) | Self::Float(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => {
                Err(wrong("a whole number"))
            }
        }
    }

    fn natural(&self) -> Result<u64, JsonValueError> {
        if let Self::Natural(value) = self { Ok(*value) } else { Err(wrong("a whole number, not below zero")) }
    }

    fn text(&self) -> Result<&str, JsonValueError> {
        self.as_text().ok_or_else(|| wrong("a text"))
    }
}

macro_rules! read_numbers {
    ($($method:ident $number:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonValueError> {
            visitor.$visit(self.$number()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de JsonValue {
    type Error = JsonValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonValueError> {
        match self {
            JsonValue::Null => visitor.visit_unit(),
            JsonValue::Bool(value) => visitor.visit_bool(*value),
            JsonValue::Negative(value) => visitor.visit_i64(*value),
            JsonValue::Natural(value) => visitor.visit_u64(*value),
            JsonValue::Float(value) => visitor.visit_f64(*value),
            JsonValue::Text(text) => visitor.visit_str(text),
            JsonValue::List(_) => self.deserialize_seq(visitor),
            JsonValue::Object(_) => self.deserialize_map(visitor),
        }
    }

    read_numbers! {
        deserialize_i8 signed visit_i64
        deserialize_i16 signed visit_i64
        deserialize_i32 signed visit_i64
        deserialize_i64 signed visit_i64
        deserialize_u8 natural visit_u64
        deserialize_u16 natural visit_u64
        deserialize_u32 natural visit_u64
        deserialize_u64 natural visit_u64
        deserialize_char text visit_str
        deserialize_str text visit_str
        deserialize_string text visit_str
        deserialize_identifier text visit_str
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonValueError> {
        if let JsonValue::Bool(value) = self { visitor.visit_bool(*value) } else { Err(wrong("true or false")) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonValueError> {
        if *self == JsonValue::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonValueError> {
        let JsonValue::List(items) = self else { return Err(wrong("a list")) };
        visitor.visit_seq(Items(items.iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, JsonValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonValueError> {
        let JsonValue::Object(fields) = self else { return Err(wrong("an object")) };
        visitor.visit_map(Fields { rest: fields.iter(), value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonValueError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonValueError> {
        let (name, content) = match self {
            JsonValue::Text(name) => (name, None),
            JsonValue::Object(fields) => match fields.as_slice() {
                [(name, content)] => (name, Some(content)),
                _ => return Err(wrong("an object of one field")),
            },
            JsonValue::Null
            | JsonValue::Bool(_)
            | JsonValue::Negative(_)
            | JsonValue::Natural(_)
            | JsonValue::Float(_)
            | JsonValue::List(_) => {
                return Err(wrong("a text or an object of one field"));
            }
        };
        visitor.visit_enum(Variant { name, content })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonValueError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        f32 f64 bytes byte_buf unit unit_struct
    }
}

struct Items<'de>(std::slice::Iter<'de, JsonValue>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = JsonValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonValueError> {
        self.0.next().map(|it| seed.deserialize(it)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Fields<'de> {
    rest: std::slice::Iter<'de, (String, JsonValue)>,
    value: Option<&'de JsonValue>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = JsonValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonValueError> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Name(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, JsonValueError> {
        seed.deserialize(self.value.take().unwrap_or(&JsonValue::Null))
    }
}

/// The name of a field or of a variant.
struct Name<'de>(&'de str);

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = JsonValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonValueError> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonValueError> {
        visitor.visit_enum(Variant { name: self.0, content: None })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Variant<'de> {
    name: &'de str,
    content: Option<&'de JsonValue>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = JsonValueError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), JsonValueError> {
        Ok((seed.deserialize(Name(self.name))?, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<&'de JsonValue, JsonValueError> {
        self.content.ok_or_else(|| wrong("an object of one field"))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = JsonValueError;

    fn unit_variant(self) -> Result<(), JsonValueError> {
        if self.content.is_none_or(|it| *it == JsonValue::Null) { Ok(()) } else { Err(wrong("a text")) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, JsonValueError> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonValueError> {
        self.content()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonValueError> {
        self.content()?.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::json_writer::to_text;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..5).prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Everything {
        keys: Vec<OrderKey>,
        pair: (i32, u8),
        names: BTreeMap<String, Option<bool>>,
        relation: Relation,
        #[serde(default)]
        shape: Option<Shape>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum OrderKey {
        Order(String),
        Message(String),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    enum Relation {
        Same,
        Different,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Point,
        Line { length: i64 },
    }

    proptest! {
        #[test]
        fn any_json_is_read_and_written_as_serde_json_does(value in values()) {
            let text = value.to_string();
            let tree = JsonValue::parse(&text).expect("JSON");
            // Floats may differ in their last digit once they are read; what is read is what is written.
            let read: Value = serde_json::from_str(&text).expect("JSON");
            prop_assert_eq!(to_text(&tree).expect("text"), read.to_string());
            prop_assert_eq!(to_text(&value).expect("text"), text);
            prop_assert_eq!(JsonValue::from(&read), tree);
        }
    }

    #[test]
    fn values_are_read_from_a_tree_as_from_text() {
        let texts = [
            r#"{"keys":[{"order":"1"},{"message":"m"}],"pair":[-3,4],"names":{"a":null,"b":true},"relation":"SAME"}"#,
            r#"{"shape":"point","keys":[],"pair":[0,255],"names":{},"relation":"DIFFERENT"}"#,
            r#"{"shape":{"line":{"length":-9}},"keys":[],"pair":[0,0],"names":{},"relation":"DIFFERENT"}"#,
            r#"{"shape":null,"keys":[],"pair":[0,256],"names":{},"relation":"DIFFERENT"}"#,
            r#"{"shape":{"point":1},"keys":[],"pair":[0,0],"names":{},"relation":"DIFFERENT"}"#,
            r#"{"keys":[{"order":"1","message":"m"}],"pair":[0,0],"names":{},"relation":"SAME"}"#,
            r#"{"keys":[],"pair":[0],"names":{},"relation":"SAME"}"#,
            r#"{"keys":[],"pair":[0,0],"names":{},"relation":"NEITHER"}"#,
            r#"{"keys":[],"pair":[0,0],"names":{},"relation":"SAME","more":1}"#,
            r#"{"keys":[],"pair":[0,0],"names":{}}"#,
            r#"{"keys":[],"keys":[],"pair":[0,0],"names":{},"relation":"SAME"}"#,
            r#"{"keys":"","pair":[0,0],"names":[],"relation":7}"#,
            "[]",
        ];
        for text in texts {
            let from_tree = JsonValue::parse(text).expect("JSON").read::<Everything>();
            let from_text = serde_json::from_str::<Everything>(text);
            assert_eq!(from_tree.as_ref().ok(), from_text.as_ref().ok(), "{text}");
            if let Ok(value) = from_tree {
                assert_eq!(to_text(&value).expect("text"), serde_json::to_string(&value).expect("text"));
            }
        }
        let error = JsonValue::from(&json!({ "keys": 1 })).read::<Everything>().expect_err("not a list");
        assert_eq!(error.to_string(), "it must be a list");
    }
}

//! JSON written as serde_json writes it, in less code.
//!
//! serde_json's writer is compiled into every field of every type that is written. Here a field is two calls; the browser
//! downloads a third of it.

use std::fmt::{Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{
        Error, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct,
    },
};

/// The JSON text of a value.
///
/// # Errors
///
/// Where a map's key is no text, or the value's own code says so.
pub fn to_text<T: Serialize>(value: &T) -> Result<String, WriteError> {
    let mut writer = Writer { text: String::new() };
    value.serialize(&mut writer)?;
    Ok(writer.text)
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WriteError(String);

impl Error for WriteError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

struct Writer {
    text: String,
}

impl Writer {
    /// What serde_json writes of a scalar.
    fn scalar(&mut self, text: serde_json::Result<String>) -> Result<(), WriteError> {
        self.text.push_str(&text.map_err(Error::custom)?);
        Ok(())
    }

    fn plain(&mut self, value: &dyn Display) -> Result<(), WriteError> {
        write!(self.text, "{value}").map_err(Error::custom)
    }

    fn quoted(&mut self, text: &str) -> Result<(), WriteError> {
        if text.bytes().any(|it| it < b' ' || it == b'"' || it == b'\\') {
            return self.scalar(serde_json::to_string(text));
        }
        self.text.push('"');
        self.text.push_str(text);
        self.text.push('"');
        Ok(())
    }

    fn opened(&mut self, start: &str, end: &'static str) -> Parts<'_> {
        self.text.push_str(start);
        Parts { writer: self, is_first: true, end }
    }

    /// The way into an object of one field.
    fn variant(&mut self, name: &str) -> Result<(), WriteError> {
        self.text.push('{');
        self.quoted(name)?;
        self.text.push(':');
        Ok(())
    }
}

/// What is written of a list or an object so far.
struct Parts<'a> {
    writer: &'a mut Writer,
    is_first: bool,
    end: &'static str,
}

impl Parts<'_> {
    fn next(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.writer.text.push(',');
        }
    }

    fn key(&mut self, name: &str) -> Result<(), WriteError> {
        self.next();
        self.writer.quoted(name)?;
        self.writer.text.push(':');
        Ok(())
    }

    fn close(self) {
        self.writer.text.push_str(self.end);
    }
}

macro_rules! write_plainly {
    ($($method:ident $type:ty)*) => {$(
        fn $method(self, value: $type) -> Result<(), WriteError> {
            self.plain(&value)
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Impossible<(), WriteError>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    write_plainly! {
        serialize_bool bool
        serialize_i8 i8
        serialize_i16 i16
        serialize_i32 i32
        serialize_i64 i64
        serialize_u8 u8
        serialize_u16 u16
        serialize_u32 u32
        serialize_u64 u64
    }

    fn serialize_f32(self, value: f32) -> Result<(), WriteError> {
        self.scalar(serde_json::to_string(&value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), WriteError> {
        self.scalar(serde_json::to_string(&value))
    }

    fn serialize_char(self, value: char) -> Result<(), WriteError> {
        self.quoted(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), WriteError> {
        self.quoted(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), WriteError> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), WriteError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), WriteError> {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), WriteError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), WriteError> {
        self.quoted(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, WriteError> {
        Ok(self.opened("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, WriteError> {
        Ok(self.opened("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, WriteError> {
        Ok(self.opened("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, WriteError> {
        Err(WriteError("no type of core is a variant of several values".to_owned()))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, WriteError> {
        Ok(self.opened("{", "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, WriteError> {
        Ok(self.opened("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, WriteError> {
        self.variant(variant)?;
        Ok(self.opened("{", "}}"))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), WriteError> {
        self.quoted(&value.to_string())
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        self.next();
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), WriteError> {
        self.close();
        Ok(())
    }
}

impl SerializeTuple for Parts<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), WriteError> {
        SerializeSeq::end(self)
    }
}

impl SerializeTupleStruct for Parts<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), WriteError> {
        SerializeSeq::end(self)
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), WriteError> {
        self.next();
        let start = self.writer.text.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.text.as_bytes().get(start) != Some(&b'"') {
            return Err(WriteError("a key is a text".to_owned()));
        }
        self.writer.text.push(':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), WriteError> {
        self.close();
        Ok(())
    }
}

impl SerializeStruct for Parts<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), WriteError> {
        self.key(name)?;
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), WriteError> {
        self.close();
        Ok(())
    }
}

impl SerializeStructVariant for Parts<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), WriteError> {
        SerializeStruct::serialize_field(self, name, value)
    }

    fn end(self) -> Result<(), WriteError> {
        SerializeStruct::end(self)
    }
}

//! JSON and sorting in little code.
//!
//! serde_json and the standard library's sorts are monomorphized for every type. The browser downloads the result, so
//! this crate trades some speed for code that all types share. Native builds sort with the standard library.

pub mod json_value;
pub mod json_writer;
pub mod sort;

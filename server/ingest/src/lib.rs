//! Reads messages from streams and tables, and enriches them by user agent and IP address.
//!
//! This crate has no database and no clock: the current time is a function that the caller passes.

pub mod csv;
pub mod enrich;
pub mod framing;
pub mod lossless_json;
pub mod strict_json;

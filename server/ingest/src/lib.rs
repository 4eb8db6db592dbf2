//! Reading messages: out of streams and tables, enriched by user agent and address.
//!
//! This crate knows neither the database nor the clock: what time it is comes in as a function.

pub mod csv;
pub mod enrich;
pub mod framing;
pub mod lossless_json;
pub mod strict_json;

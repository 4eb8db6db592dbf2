//! The rules of User Profile 360.
//!
//! This crate never reads a clock, a file, a socket or a source of randomness, and knows neither SurrealDB nor GraphQL:
//! the server, the command line and, as WebAssembly, the browser call the same functions and get the same bytes.
//!
//! Modules in reading order; none imports from one below it.

pub mod shared_map;

pub mod calendar;
pub mod money;
pub mod time;
pub mod time_zone;

pub mod identifier;
pub mod policy;

pub mod message;

pub mod evidence;

pub mod graph;

pub mod plan;

pub mod profile;
pub mod purchases;

#[cfg(not(target_arch = "wasm32"))]
pub mod comparison;

pub mod preview;
pub mod search;

pub mod cases;

mod api_serde;

pub use profile360_compact_json::json_value;

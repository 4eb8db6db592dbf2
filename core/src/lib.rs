//! The rules of User Profile 360.
//!
//! This crate never reads a clock, a file, a socket or a source of randomness, and knows neither SurrealDB nor GraphQL:
//! the server, the command line and, as WebAssembly, the browser call the same functions and get the same bytes.

// In reading order: what comes in, …
pub mod message;
pub mod purchase;
pub mod time;

pub mod identifier;
pub mod json;
pub mod policy;
pub mod search;
pub mod tree;
pub mod unified_id;

// … what is known and who is whom, …
pub mod decision;
pub mod facet;
pub mod facts;
pub mod link;
pub mod neighbours;
pub mod retirement;

pub mod plan;
pub mod resolve;
pub mod simulate;

pub mod explain;

// … and what is shown of a customer.
pub mod age;
pub mod avatar;
pub mod profile;
mod sorting;
mod survivorship;
mod wire;
mod writing;

pub mod purchases;
pub mod ranking;
pub mod revision;
#[cfg(not(target_arch = "wasm32"))]
pub mod summary;
pub mod window;

// … and what would be shown if an operator decided.
pub mod preview;

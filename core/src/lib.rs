//! The rules of User Profile 360.
//!
//! This crate never reads a clock, a file, a socket or a source of randomness, and knows neither SurrealDB nor GraphQL:
//! the server, the command line and, as WebAssembly, the browser call the same functions and get the same bytes.

// In reading order: what comes in, what is known, who is whom, what must be written.
pub mod message;
pub mod purchase;
pub mod time;

pub mod identifier;
mod json;
pub mod policy;
pub mod unified_id;

pub mod decision;
pub mod facet;
pub mod facts;
pub mod link;

pub mod plan;
pub mod resolve;

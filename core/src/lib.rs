//! The rules of User Profile 360.
//!
//! This crate never reads a clock, a file, a socket or a source of randomness, and knows neither SurrealDB nor GraphQL:
//! the server, the command line and, as WebAssembly, the browser call the same functions and get the same bytes.

pub mod identifier;
mod json;
pub mod message;
pub mod policy;
pub mod purchase;
pub mod time;

//! The rules of User Profile 360.
//!
//! This crate never reads a clock, a file, a socket or a source of randomness, and knows neither SurrealDB nor GraphQL:
//! the server, the command line and, as WebAssembly, the browser call the same functions and get the same bytes.

pub mod age;
pub mod avatar;
pub mod facet;
pub mod identifier;
mod json;
pub mod message;
pub mod policy;
pub mod profile;
pub mod purchase;
pub mod purchases;
pub mod ranking;
pub mod summary;
mod survivorship;
pub mod time;
pub mod window;
mod wire;

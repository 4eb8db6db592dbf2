//! The server of User Profile 360: the write pipeline, GraphQL, HTTP and the command line. docs/architecture.md is the map.

// Queries of the database nest deeply enough to reach the default limit.
#![recursion_limit = "256"]

pub mod cli;
pub mod clock;
pub mod limits;
pub mod memory;
pub mod sample_data;
pub mod spreadsheet;

pub mod auth;
pub mod engine;
pub mod views;

pub mod graphql;
pub mod http;

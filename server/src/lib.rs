//! The server of User Profile 360: the store, the write pipeline, GraphQL, HTTP and the command line.
//!
//! The way of a message: `cli::import`, `graphql` or `http` → `pipeline` → core's plan → `store` → `list` →
//! `news`. The way of a question:
//! `graphql` → `customer` → `store` → core's fold → answer. No way turns back.

// Queries of the database nest deeply enough to reach the default limit.
#![recursion_limit = "256"]

pub mod cli;
pub mod clock;
pub mod generate;

pub mod intake;
pub mod reader;
pub mod table;

pub mod pipeline;
pub mod publication;
pub mod rules;

pub mod customer;
pub mod facts;
pub mod inbox;
pub mod limits;
pub mod list;
mod literal;
pub mod meter;
pub mod news;
pub mod store;

pub mod access;
pub mod audit;
pub mod keys;
pub mod lookups;
pub mod mask;

pub mod graphql;
pub mod http;

//! The real program from outside: commands, files, a base on disk, HTTP. What it promises in docs/design.md, held to.
#![recursion_limit = "256"]
#![expect(clippy::panic, reason = "a test that cannot go on says why")]

mod apis;
mod calendar;
mod card;
mod commands;
mod crash;
mod damage;
mod decisions;
mod devices;
mod door;
mod graphql;
mod http;
mod identifiers;
mod input;
mod keys;
mod laws;
mod limits;
mod lineage;
mod list;
mod masks;
mod money;
mod owners;
mod policy;
mod previews;
mod privacy;
mod recovery;
mod socket;
mod stream;
mod tables;
mod truth;
mod writers;

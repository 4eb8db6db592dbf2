//! End-to-end tests: the real program with commands, files, a database on disk, and HTTP. They check the promises of
//! docs/design.md.
#![recursion_limit = "256"]
#![expect(clippy::panic, reason = "a test that cannot go on says why")]

/// Segment's tracking API and the DFINERY Open API.
mod apis;
/// List rows that change with the date.
mod calendar;
/// All items of a profile.
mod card;
/// Mistyped and read-only commands.
mod commands;
/// `kill -9` of imports and servers.
mod crash;
/// `check` on damaged databases.
mod damage;
mod decisions;
/// Descriptions of devices by user agent and GeoIP.
mod devices;
/// Access without a key, allowed hosts, and limits on connections and bodies.
mod door;
/// `POST /v1/export`.
mod export;
/// Queries, mutations and errors over GraphQL.
mod graphql;
/// Ingestion statistics.
mod health;
/// GraphQL over HTTP, and the lifecycle of a server.
mod http;
/// Normalization, shared values, and older normal forms.
mod identifiers;
/// Imports of faulty files.
mod input;
/// API keys and roles.
mod keys;
/// Properties of random histories of messages, decisions, retirements and policies.
mod laws;
/// Query limits, and what errors and logs reveal.
mod limits;
mod lineage;
/// The customer list: orders, filters, search.
mod list;
/// Masking and the audit log.
mod masks;
/// The memory of a server, and overload.
mod memory;
/// Orders, refunds and clocks.
mod money;
mod operator_actions;
/// Retirements of values.
mod owners;
/// Simulation and publication of policies.
mod policy;
/// Previews of `core` against results of the server.
mod previews;
/// What masking, receipts, files and terminals must not reveal.
mod privacy;
/// The write-ahead log of an embedded database.
mod recovery;
/// The review queue: cases, scores and answers.
mod review;
mod rollout;
/// Saved views, and sample data.
mod saved_views;
/// Several servers on one database.
mod servers;
mod snapshots;
/// GraphQL over WebSocket.
mod socket;
/// `POST /v1/messages`.
mod stream;
/// The parent process of a server.
mod supervise;
/// CSV and Parquet.
mod tables;
mod timeline;
/// `resolve` and `summarize` against the API.
mod truth;
/// Concurrent writers on one database.
mod writers;

//! The harness of the end-to-end tests: the real program, a database on disk, HTTP.
//!
//! Nothing here sleeps: it waits for commands to end, servers to listen, and answers to arrive.
#![recursion_limit = "256"]
#![expect(clippy::panic, reason = "a harness fails the test that uses it, with a sentence")]

mod base;
pub mod crashes;
mod database;
mod deadline;
pub mod messages;
mod places;
mod program;
mod server;
mod socket;
mod writers;

pub use self::{
    base::{Base, ENGINE, KEYS, Ran, SECRET},
    database::Database,
    deadline::Deadline,
    places::geoip,
    program::program,
    server::Server,
    socket::{Heard, Socket},
    writers::{POLICY_VERSION, Writers, accepted, accepted_by, in_process, policy},
};

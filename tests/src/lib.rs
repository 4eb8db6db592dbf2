//! The harness of the end-to-end tests: the real program, a base on a real disk, real HTTP.
//!
//! Nothing here waits for a time to pass: commands end, servers say that they listen, answers come.
#![recursion_limit = "256"]
#![expect(clippy::panic, reason = "a harness fails the test that uses it, with a sentence")]

mod base;
pub mod crashes;
mod deadline;
pub mod messages;
mod places;
mod program;
mod server;
mod socket;
mod writers;

pub use self::{
    base::{Base, KEYS, Ran, SECRET},
    deadline::Deadline,
    places::geoip,
    program::program,
    server::Server,
    socket::{Heard, Socket},
    writers::{POLICY_VERSION, Writers, accepted, accepted_by, in_process, policy},
};

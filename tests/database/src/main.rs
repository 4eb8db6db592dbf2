//! SurrealDB's own server, as a program of this workspace: the tests and `make servers` start it on loopback.
//!
//! It has the version and the features of the SurrealDB that the store embeds, so that nothing is compiled twice and no test needs
//! a download. It is not what is deployed: that is SurrealDB's own release.

// The futures of the server nest deeper than the compiler's default allows.
#![recursion_limit = "256"]

use std::process::ExitCode;

fn main() -> ExitCode {
    surrealdb_server::init(surrealdb_core::CommunityComposer())
}

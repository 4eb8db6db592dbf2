//! Evidence: what messages and operators say, gathered per identifier and link.

pub mod claim;
pub mod decision;
pub mod facts;
#[cfg(not(target_arch = "wasm32"))]
pub mod gathered;
pub mod identifier_facts;
pub mod identifier_summary;
pub mod link;
pub mod neighbors;
pub(crate) mod observe;
pub mod retirement;

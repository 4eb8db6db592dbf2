//! Purchases: what a customer bought, as of a date (docs/design.md, section 8).

pub(crate) mod counted;
pub mod figures;
pub mod ranking;
pub mod refunds;
pub mod spend;
#[cfg(not(target_arch = "wasm32"))]
pub mod summaries;
#[cfg(not(target_arch = "wasm32"))]
pub mod summary;
pub mod weekday;

#[cfg(test)]
mod tests;

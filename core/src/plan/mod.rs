//! The incremental change: which rows the engine must read before it accepts messages, and what it must write then.
//!
//! The engine makes a [`planner::Planner`] of the new evidence and polls it: it loads the rows that the planner asks for into a
//! [`view::View`] until the planner returns the [`changes::Changes`], and writes these in one transaction that fails where
//! anything loaded has changed since. This module performs no I/O.
//!
//! The result is what [`crate::evidence::facts::Facts::resolve`] would say of all messages together (docs/design.md, section 5): a join of
//! two profiles is final where nothing is withheld around them and no limit is reached, and everything else
//! computes again what can have changed: see [`dirty`].

pub mod changes;
mod dirty;
mod dirty_search;
mod draft;
mod finish;
mod ingest;
pub mod inputs;
mod join;
mod lineage;
pub mod needs;
pub mod planner;
pub mod retire;
pub mod view;

#[cfg(test)]
mod tests;

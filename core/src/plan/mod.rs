//! The incremental change: which rows the engine must read before it accepts messages, and what it must write then.
//!
//! The engine asks [`first_needs`], loads them into a [`View`], repeats with [`next_needs`] until nothing is needed, makes a
//! [`Draft`], loads what [`Draft::needs`] asks for until nothing is needed, and writes what [`Draft::finish`] gives, all of
//! it in one transaction that fails where anything loaded has changed since. This module performs no I/O.
//!
//! The result is what [`crate::evidence::facts::Facts::resolve`] would say of all messages together (docs/design.md, section 5): a join of
//! two profiles is final where nothing is withheld around them and no limit is reached, and everything else
//! computes again what can have changed: see [`dirty`].

pub mod changes;
mod decide;
mod dirty;
mod dirty_search;
pub mod draft;
mod finish;
mod ingest;
mod join;
mod lineage;
pub mod needs;
pub mod retire;
pub mod view;

#[cfg(test)]
mod tests;

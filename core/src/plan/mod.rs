//! The incremental change: what a shell must read before it takes messages, and what it must write then.
//!
//! A shell asks [`first_needs`], loads them into a [`View`], repeats with [`next_needs`] until nothing is needed, makes a
//! [`Draft`], loads what [`Draft::needs`] asks for until nothing is needed, and writes what [`Draft::finish`] gives, all of
//! it in one transaction that fails where anything loaded has changed since. This module never reads or writes by itself.
//!
//! The result is what [`crate::evidence::facts::Facts::resolve`] would say of all messages together (docs/design.md, section 5): a join of
//! two profiles is taken as it is where nothing is withheld around them and no limit is reached, and everything else
//! computes again what can have changed: see [`region`].

pub mod changes;
pub mod draft;
mod lineage;
pub mod needs;
mod region;
pub mod retire;
pub mod view;

#[cfg(test)]
mod tests;

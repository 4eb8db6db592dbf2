//! The identity graph: which identifiers are one customer, and why.

mod adjacency;
pub mod anchor;
pub mod base;
pub mod bridges;
pub mod compare;
mod constrained_union_find;
pub mod evidence_graph;
pub mod expand;
pub mod explain;
#[cfg(not(target_arch = "wasm32"))]
pub mod gathered;
pub mod input;
pub mod lineage;
pub mod resolve;
pub mod rows;
pub mod trial;
pub(crate) mod union_find;
pub mod withheld;

//! The identity graph: which identifiers are one customer, and why.

pub mod compare;
pub mod explain;
pub mod resolve;

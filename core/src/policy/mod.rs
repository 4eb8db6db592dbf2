//! The policy: the rules that operators may change.

mod bounds;
pub mod compiled;
pub mod document;
pub mod survivorship;

#[cfg(test)]
mod tests;

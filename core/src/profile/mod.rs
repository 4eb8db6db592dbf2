//! Profiles: what is shown of one customer.

pub mod age;
mod attributes;
pub mod avatar;
mod basic;
mod devices;
pub mod fold;
pub mod model;
pub mod name_at;
pub mod revision;
pub(crate) mod survivorship;

#[cfg(test)]
mod tests;

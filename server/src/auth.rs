//! Who may do what: roles, API keys, masks, the audit log.

pub mod access;
pub mod api_keys;
pub mod audit;
pub mod masking;
pub mod rate_limit;

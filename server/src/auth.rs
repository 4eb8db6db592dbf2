//! Authentication and authorization: roles, API keys, masks, rate limits, the audit log.

pub mod access;
pub mod api_keys;
pub mod audit;
pub mod authenticator;
pub mod masking;
pub mod rate_limit;
pub mod scope;

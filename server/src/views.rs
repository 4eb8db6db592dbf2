//! Read models: whole profiles, and the facts that previews compute from.

pub mod preview_facts;
pub mod profile_view;

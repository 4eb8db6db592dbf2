//! Read models: whole profiles, the facts that previews compute from, names as they were, sightings.

pub mod customer_cache;
pub mod names;
pub mod packed_purchases;
pub mod preview_facts;
pub mod profile_view;
pub mod sightings;

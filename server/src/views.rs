//! Read models: whole profiles, the facts that previews compute from, names as they were, sightings.

pub mod names;
pub mod preview_facts;
pub mod profile_view;
pub mod sightings;

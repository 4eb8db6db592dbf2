//! The index of the customer list: orders, filters and search.
//!
//! It is in memory and derived: the server fills it from stored rows and updates it after each commit.

mod histogram;
mod index;
mod row;

pub use self::{
    histogram::{Histogram, MOST_LARGEST},
    index::{
        Direction, Facet, FacetField, Figures, Filter, Index, Listed, Loading, OfferedField, OfferedFilter, OrderField,
        Page, PageRequest, Position, Search, Size, Suggested,
    },
    row::{ListRow, Window12},
};

//! The customer list's index: every order sorted, a set of customers for each filter, texts for search.
//!
//! It is in memory and derived: the server fills it from stored rows and moves customers in it after each commit.

mod histogram;
mod index;
mod row;

pub use self::{
    histogram::{MOST_LARGEST, Sizes},
    index::{
        Direction, Figures, Filter, Index, Listed, Loading, OrderField, Page, PageRequest, Position, Size, Sought,
    },
    row::{ListRow, Window12},
};

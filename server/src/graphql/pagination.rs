//! Relay connections: arguments, cursors, page info.
//!
//! async-graphql's generic connection would replace these types, but cannot give each its description, which `make lint` requires.

use async_graphql::{Result, SimpleObject};
use serde::de::DeserializeOwned;

use super::{cursor::Cursors, error::ErrorCode};
use crate::limits::Limits;

const DEFAULT_PAGE_SIZE: usize = 50;

/// The position of a page in its list.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct PageInfo {
    /// Whether entries follow it.
    pub has_next_page: bool,
    /// Whether entries precede it.
    pub has_previous_page: bool,
    /// The cursor of the first entry; null if the page is empty.
    pub start_cursor: Option<String>,
    /// The cursor of the last entry; null if the page is empty.
    pub end_cursor: Option<String>,
}

/// The four arguments of a connection.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl<P> PageArguments<P> {
    /// The info of a page; `has_more` says whether there are more entries in the direction of reading.
    pub(super) fn page_info<'c>(
        &self,
        has_more: bool,
        mut cursors: impl DoubleEndedIterator<Item = &'c String>,
    ) -> PageInfo {
        let start_cursor = cursors.next().cloned();
        // On a page of one entry, the first is the last.
        let end_cursor = cursors.next_back().cloned().or_else(|| start_cursor.clone());
        PageInfo {
            has_next_page: if self.is_from_end { self.before.is_some() } else { has_more },
            has_previous_page: if self.is_from_end { has_more } else { self.after.is_some() },
            start_cursor,
            end_cursor,
        }
    }
}

/// The parsed arguments of a connection.
#[derive(Debug)]
pub(super) struct PageArguments<P> {
    pub size: usize,
    pub after: Option<P>,
    pub before: Option<P>,
    pub is_from_end: bool,
}

impl Arguments {
    pub(super) fn parse<P: DeserializeOwned>(self, limits: &Limits, cursors: &Cursors) -> Result<PageArguments<P>> {
        let most = limits.page;
        let (size, is_from_end) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(ErrorCode::PageSizeOutOfRange.with("use either first or last, not both"));
            }
            (None, Some(last)) => (usize::try_from(last).ok(), true),
            (Some(first), None) => (usize::try_from(first).ok(), false),
            (None, None) => (Some(DEFAULT_PAGE_SIZE.min(most)), false),
        };
        let size = size.filter(|size| (1..=most).contains(size));
        let size = size.ok_or_else(|| ErrorCode::PageSizeOutOfRange.with(format!("a page has 1 to {most} entries")))?;
        let after = self.after.map(|cursor| cursors.read(&cursor)).transpose()?;
        let before = self.before.map(|cursor| cursors.read(&cursor)).transpose()?;
        Ok(PageArguments { size, after, before, is_from_end })
    }
}

//! Orders that count, and what is left of them.

use rust_decimal::Decimal;

use crate::message::order::{Line, Order};

/// One order that counts.
#[derive(Debug, Clone)]
pub(crate) struct Purchase<'a> {
    pub order: &'a Order,
    /// In the policy's time zone, days since 1970-01-01.
    pub day: i32,
    pub(super) weekday: u8,
    pub(super) hour: u8,
    pub(super) amount: Decimal,
    /// What is left of each line, where something was given back.
    pub(super) left: Option<Box<[Left]>>,
}

/// What is left of a line after refunds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Left {
    Something { units: u64, amount: Decimal },
    Nothing,
}

impl<'a> Purchase<'a> {
    /// The lines that count, with units and amount.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&'a Line, u64, Decimal)> {
        self.order.lines.iter().enumerate().filter_map(|(position, line)| {
            let (units, amount) = self.left_of(position, line)?;
            Some((line, units, amount))
        })
    }

    /// Units and amount of a line, if it counts.
    pub(super) fn left_of(&self, position: usize, line: &Line) -> Option<(u64, Decimal)> {
        match self.left.as_ref().and_then(|it| it.get(position)) {
            None => Some((u64::from(line.quantity), line.amount)),
            Some(Left::Something { units, amount }) => Some((*units, *amount)),
            Some(Left::Nothing) => None,
        }
    }
}

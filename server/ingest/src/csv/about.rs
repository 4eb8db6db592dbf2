/// The possible meanings of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    Time,
    Identifier(&'static str),
    Name,
    First,
    Last,
    Gender,
    Birth,
    Membership,
    Consent(&'static str),
    /// A property of an order.
    Order(&'static str),
    /// A property of one of its items.
    Item(&'static str),
    Custom,
    Nowhere,
}

//! How long and how many the parts of a message may be.

/// The largest message that is accepted, in bytes of JSON.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;

/// The longest `message_id`, `session_id`, event name, attribute name and order ID, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The longest `source`, in bytes.
pub const MAX_SOURCE_BYTES: usize = 64;

/// The most identifiers that one message may carry.
pub const MAX_IDENTIFIERS: usize = 100;

/// The most units that one line of an order may have.
pub const MAX_QUANTITY: u32 = 1_000_000;

/// The most attributes that one message may carry.
pub const MAX_ATTRIBUTES: usize = 500;

/// The longest value of an attribute, in bytes of JSON.
pub const MAX_ATTRIBUTE_BYTES: usize = 8 * 1024;

/// The most items of a list.
pub const MAX_LIST_ITEMS: usize = 1_000;

//! Limits: how much one client may ask for at once. Each has an option, and whoever passes one is told so with a code of its own.

use std::time::Duration;

/// How much one client may ask for at once.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// The most WebSocket connections at once.
    #[arg(long = "limit-sockets", value_name = "N", env = "PROFILE360_LIMIT_SOCKETS", default_value_t = 1_000)]
    pub sockets: usize,
    /// The most operations that run at once on one WebSocket connection.
    #[arg(long = "limit-operations", value_name = "N", env = "PROFILE360_LIMIT_OPERATIONS", default_value_t = 100)]
    pub operations: usize,
    /// How long a WebSocket connection may take until it says connection_init.
    #[arg(long = "limit-init", value_name = "TIME", env = "PROFILE360_LIMIT_INIT", default_value = "3s", value_parser = duration)]
    pub init: Duration,
    /// How many changes a subscriber may be behind before it is cut off.
    #[arg(long = "limit-behind", value_name = "N", env = "PROFILE360_LIMIT_BEHIND", default_value_t = 10_000)]
    pub behind: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sockets: 1_000, operations: 100, init: Duration::from_secs(3), behind: 10_000 }
    }
}

/// Reads a time such as `30s` or `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| "write a time as 30s or 500ms".to_owned())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err("write a time as 30s or 500ms".to_owned()),
    }
}

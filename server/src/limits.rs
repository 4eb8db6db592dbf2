//! Limits: how much one client may ask for at once. Each has an option, and an error code for requests that exceed it.

use std::time::Duration;

/// How much one client may ask for at once.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// The most levels of nesting in a GraphQL query.
    #[arg(long = "limit-depth", value_name = "N", env = "PROFILE360_LIMIT_DEPTH", default_value_t = 16)]
    pub depth: usize,
    /// The most that a GraphQL query may ask for: its fields, each multiplied by the entries of the pages that contain it.
    #[arg(long = "limit-complexity", value_name = "N", env = "PROFILE360_LIMIT_COMPLEXITY", default_value_t = 50_000)]
    pub complexity: usize,
    /// The most aliases in a GraphQL query, with fragments written out.
    #[arg(long = "limit-aliases", value_name = "N", env = "PROFILE360_LIMIT_ALIASES", default_value_t = 100)]
    pub aliases: usize,
    /// The most directives in a GraphQL query, with fragments written out.
    #[arg(long = "limit-directives", value_name = "N", env = "PROFILE360_LIMIT_DIRECTIVES", default_value_t = 50)]
    pub directives: usize,
    /// The most tokens in a GraphQL query.
    #[arg(long = "limit-tokens", value_name = "N", env = "PROFILE360_LIMIT_TOKENS", default_value_t = 10_000)]
    pub tokens: usize,
    /// Switches introspection off for all keys, and with it GraphiQL, which needs it.
    #[arg(long, env = "PROFILE360_NO_INTROSPECTION")]
    pub no_introspection: bool,
    /// The most identifiers that a key which sees masked data may look up in a minute.
    #[arg(long = "limit-lookups", value_name = "N", env = "PROFILE360_LIMIT_LOOKUPS", default_value_t = 60)]
    pub lookups: usize,
    /// The most messages in one request that is not streamed.
    #[arg(long = "limit-batch", value_name = "N", env = "PROFILE360_LIMIT_BATCH", default_value_t = 2_000)]
    pub batch: usize,
    /// The most bytes in the body of a request that sends messages and is not streamed.
    #[arg(long = "limit-body", value_name = "BYTES", env = "PROFILE360_LIMIT_BODY", default_value_t = 16 * 1024 * 1024)]
    pub body: usize,
    /// The most bytes in the body of a request that sends no messages, and in a WebSocket message; never more than --limit-body.
    #[arg(long = "limit-query-body", value_name = "BYTES", env = "PROFILE360_LIMIT_QUERY_BODY", default_value_t = 1024 * 1024)]
    pub query_body: usize,
    /// The most bytes of the bodies of all requests in progress together, decompressed and parsed.
    #[arg(long = "limit-work", value_name = "BYTES", env = "PROFILE360_LIMIT_WORK", default_value_t = 256 * 1024 * 1024)]
    pub work: usize,
    /// The most entries of a page.
    #[arg(long = "limit-page", value_name = "N", env = "PROFILE360_LIMIT_PAGE", default_value_t = 200, value_parser = page)]
    pub page: usize,
    /// How long one answer may take.
    #[arg(long = "limit-time", value_name = "TIME", env = "PROFILE360_LIMIT_TIME", default_value = "30s", value_parser = duration)]
    pub time: Duration,
    /// How long the body of a request that is not streamed may take.
    #[arg(long = "limit-upload", value_name = "TIME", env = "PROFILE360_LIMIT_UPLOAD", default_value = "120s", value_parser = period)]
    pub upload: Duration,
    /// The fewest bytes per second that a client sends and reads on average while the server waits for it; it may pause for
    /// --limit-time.
    #[arg(long = "limit-rate", value_name = "BYTES", env = "PROFILE360_LIMIT_RATE", default_value_t = 100)]
    pub rate: u64,
    /// The most connections at once. Fewer are accepted where the system lets the process open few files.
    #[arg(long = "limit-connections", value_name = "N", env = "PROFILE360_LIMIT_CONNECTIONS", default_value_t = 4_096)]
    pub connections: usize,
    /// The most connections of one address at once. A proxy is one address.
    #[arg(
        long = "limit-connections-per-address",
        value_name = "N",
        env = "PROFILE360_LIMIT_CONNECTIONS_PER_ADDRESS",
        default_value_t = 1_024
    )]
    pub connections_per_address: usize,
    /// How long the head of a request may take, from its first byte on.
    #[arg(long = "limit-head", value_name = "TIME", env = "PROFILE360_LIMIT_HEAD", default_value = "10s", value_parser = period)]
    pub head: Duration,
    /// How long a connection is kept open without a request.
    #[arg(long = "limit-idle", value_name = "TIME", env = "PROFILE360_LIMIT_IDLE", default_value = "75s", value_parser = period)]
    pub idle: Duration,
    /// The most concurrent requests; streams of messages and WebSocket connections are counted separately.
    #[arg(long = "limit-requests", value_name = "N", env = "PROFILE360_LIMIT_REQUESTS", default_value_t = 512)]
    pub requests: usize,
    /// The most concurrent requests of one key; without keys, of one address.
    #[arg(
        long = "limit-requests-per-client",
        value_name = "N",
        env = "PROFILE360_LIMIT_REQUESTS_PER_CLIENT",
        default_value_t = 128
    )]
    pub requests_per_client: usize,
    /// The most streams of messages at once.
    #[arg(long = "limit-streams", value_name = "N", env = "PROFILE360_LIMIT_STREAMS", default_value_t = 16)]
    pub streams: usize,
    /// The most streams of messages of one key at once; without keys, of one address.
    #[arg(
        long = "limit-streams-per-client",
        value_name = "N",
        env = "PROFILE360_LIMIT_STREAMS_PER_CLIENT",
        default_value_t = 8
    )]
    pub streams_per_client: usize,
    /// The most WebSocket connections at once.
    #[arg(long = "limit-sockets", value_name = "N", env = "PROFILE360_LIMIT_SOCKETS", default_value_t = 1_000)]
    pub sockets: usize,
    /// The most WebSocket connections of one key at once; without keys, of one address.
    #[arg(
        long = "limit-sockets-per-client",
        value_name = "N",
        env = "PROFILE360_LIMIT_SOCKETS_PER_CLIENT",
        default_value_t = 250
    )]
    pub sockets_per_client: usize,
    /// The most WebSocket connections at once that have not sent connection_init yet; one address has half of these at most.
    #[arg(long = "limit-handshakes", value_name = "N", env = "PROFILE360_LIMIT_HANDSHAKES", default_value_t = 64)]
    pub handshakes: usize,
    /// The most operations that run at once on one WebSocket connection.
    #[arg(long = "limit-operations", value_name = "N", env = "PROFILE360_LIMIT_OPERATIONS", default_value_t = 100)]
    pub operations: usize,
    /// The most subscriptions that one key has at once, over all of its WebSocket connections.
    #[arg(
        long = "limit-subscriptions",
        value_name = "N",
        env = "PROFILE360_LIMIT_SUBSCRIPTIONS",
        default_value_t = 200
    )]
    pub subscriptions: usize,
    /// How long a WebSocket connection may take to send connection_init.
    #[arg(long = "limit-init", value_name = "TIME", env = "PROFILE360_LIMIT_INIT", default_value = "3s", value_parser = duration)]
    pub init: Duration,
    /// How long a WebSocket client may be silent: then it gets a ping, and is disconnected if it does not answer in the same
    /// time.
    #[arg(long = "limit-silence", value_name = "TIME", env = "PROFILE360_LIMIT_SILENCE", default_value = "12s", value_parser = period)]
    pub silence: Duration,
    /// How many changes a subscriber may be behind before it is disconnected.
    #[arg(long = "limit-behind", value_name = "N", env = "PROFILE360_LIMIT_BEHIND", default_value_t = 10_000)]
    pub behind: usize,
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

/// A time that is not nothing.
fn period(text: &str) -> Result<Duration, String> {
    duration(text)
        .and_then(|it| if it.is_zero() { Err("write a time that is longer than nothing".to_owned()) } else { Ok(it) })
}

/// A page has one entry at least, and never more than are loaded at once.
fn page(text: &str) -> Result<usize, String> {
    const MOST: usize = 1_000;
    text.parse().ok().filter(|it| (1..=MOST).contains(it)).ok_or_else(|| format!("write a number from 1 to {MOST}"))
}

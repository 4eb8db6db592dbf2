//! Limits on what one client may use at once. Each is an option, and a request beyond one gets an error with a code.

use std::time::Duration;

use crate::memory::parse_bytes;

/// Limits on what one client may use at once.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// The deepest nesting of a GraphQL query.
    #[arg(long = "limit-depth", value_name = "N", env = "PROFILE360_LIMIT_DEPTH", default_value_t = 16)]
    pub depth: usize,
    /// The highest cost of a GraphQL query: its fields, each times the sizes of the pages around it.
    #[arg(long = "limit-complexity", value_name = "N", env = "PROFILE360_LIMIT_COMPLEXITY", default_value_t = 50_000)]
    pub complexity: usize,
    /// The most aliases in a GraphQL query, with its fragments expanded.
    #[arg(long = "limit-aliases", value_name = "N", env = "PROFILE360_LIMIT_ALIASES", default_value_t = 100)]
    pub aliases: usize,
    /// The most directives in a GraphQL query, with its fragments expanded.
    #[arg(long = "limit-directives", value_name = "N", env = "PROFILE360_LIMIT_DIRECTIVES", default_value_t = 50)]
    pub directives: usize,
    /// The most tokens in a GraphQL query.
    #[arg(long = "limit-tokens", value_name = "N", env = "PROFILE360_LIMIT_TOKENS", default_value_t = 10_000)]
    pub tokens: usize,
    /// Switch off introspection, and GraphiQL, which needs it.
    #[arg(long, env = "PROFILE360_NO_INTROSPECTION")]
    pub no_introspection: bool,
    /// The most identifiers that a key with masking may look up in a minute.
    #[arg(long = "limit-lookups", value_name = "N", env = "PROFILE360_LIMIT_LOOKUPS", default_value_t = 60)]
    pub lookups: usize,
    /// The most messages in one request that is not streamed.
    #[arg(long = "limit-batch", value_name = "N", env = "PROFILE360_LIMIT_BATCH", default_value_t = 2_000)]
    pub batch: usize,
    /// The most bytes in the body of a request that sends messages and is not streamed.
    #[arg(long = "limit-body", value_name = "BYTES", env = "PROFILE360_LIMIT_BODY", default_value = "16777216", value_parser = parse_bytes)]
    pub body: usize,
    /// The most bytes in the body of a request that sends no messages, and in a WebSocket message; never more than --limit-body.
    #[arg(long = "limit-query-body", value_name = "BYTES", env = "PROFILE360_LIMIT_QUERY_BODY", default_value = "1048576", value_parser = parse_bytes)]
    pub query_body: usize,
    /// The most bytes of the bodies of all requests in progress together, decompressed and parsed; if left out, an eighth of --memory.
    #[arg(long = "limit-work", value_name = "BYTES", env = "PROFILE360_LIMIT_WORK", value_parser = parse_bytes)]
    pub work: Option<usize>,
    /// The largest page.
    #[arg(long = "limit-page", value_name = "N", env = "PROFILE360_LIMIT_PAGE", default_value_t = 200, value_parser = page)]
    pub page: usize,
    /// The timeout of a request, without the time for its body.
    #[arg(long = "limit-time", value_name = "TIME", env = "PROFILE360_LIMIT_TIME", default_value = "30s", value_parser = duration)]
    pub time: Duration,
    /// The timeout for the body of a request that is not streamed.
    #[arg(long = "limit-upload", value_name = "TIME", env = "PROFILE360_LIMIT_UPLOAD", default_value = "120s", value_parser = period)]
    pub upload: Duration,
    /// The lowest rate, in bytes a second on average, at which a client sends a body or reads a response; it may pause for --limit-time.
    #[arg(long = "limit-rate", value_name = "BYTES", env = "PROFILE360_LIMIT_RATE", default_value_t = 100)]
    pub rate: u64,
    /// The most connections at once; fewer where the process may open few files.
    #[arg(long = "limit-connections", value_name = "N", env = "PROFILE360_LIMIT_CONNECTIONS", default_value_t = 4_096)]
    pub connections: usize,
    /// The most connections of one address at once. All clients behind a proxy have one address.
    #[arg(
        long = "limit-connections-per-address",
        value_name = "N",
        env = "PROFILE360_LIMIT_CONNECTIONS_PER_ADDRESS",
        default_value_t = 1_024
    )]
    pub connections_per_address: usize,
    /// The timeout for the head of a request, from its first byte.
    #[arg(long = "limit-head", value_name = "TIME", env = "PROFILE360_LIMIT_HEAD", default_value = "10s", value_parser = period)]
    pub head: Duration,
    /// The timeout of a connection without a request.
    #[arg(long = "limit-idle", value_name = "TIME", env = "PROFILE360_LIMIT_IDLE", default_value = "75s", value_parser = period)]
    pub idle: Duration,
    /// The most requests in progress at once, without streams of messages and WebSockets, which have their own limits.
    #[arg(long = "limit-requests", value_name = "N", env = "PROFILE360_LIMIT_REQUESTS", default_value_t = 512)]
    pub requests: usize,
    /// The most requests of one key in progress at once; without keys, of one address.
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
    /// The most exports of the customer list at once.
    #[arg(long = "limit-exports", value_name = "N", env = "PROFILE360_LIMIT_EXPORTS", default_value_t = 4)]
    pub exports: usize,
    /// The most exports of one key at once; without keys, of one address.
    #[arg(
        long = "limit-exports-per-client",
        value_name = "N",
        env = "PROFILE360_LIMIT_EXPORTS_PER_CLIENT",
        default_value_t = 2
    )]
    pub exports_per_client: usize,
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
    /// The most WebSocket connections at once before their connection_init; one address may have half of these.
    #[arg(long = "limit-handshakes", value_name = "N", env = "PROFILE360_LIMIT_HANDSHAKES", default_value_t = 64)]
    pub handshakes: usize,
    /// The most operations at once on one WebSocket connection.
    #[arg(long = "limit-operations", value_name = "N", env = "PROFILE360_LIMIT_OPERATIONS", default_value_t = 100)]
    pub operations: usize,
    /// The most subscriptions of one key at once, on all of its WebSocket connections.
    #[arg(
        long = "limit-subscriptions",
        value_name = "N",
        env = "PROFILE360_LIMIT_SUBSCRIPTIONS",
        default_value_t = 200
    )]
    pub subscriptions: usize,
    /// The timeout for the connection_init of a WebSocket connection.
    #[arg(long = "limit-init", value_name = "TIME", env = "PROFILE360_LIMIT_INIT", default_value = "3s", value_parser = duration)]
    pub init: Duration,
    /// How long a WebSocket client may be silent: then the server sends a ping, and after the same time again it disconnects.
    #[arg(long = "limit-silence", value_name = "TIME", env = "PROFILE360_LIMIT_SILENCE", default_value = "12s", value_parser = period)]
    pub silence: Duration,
    /// How many changes a subscriber may be behind before its subscription ends.
    #[arg(long = "limit-behind", value_name = "N", env = "PROFILE360_LIMIT_BEHIND", default_value_t = 10_000)]
    pub behind: usize,
}

impl Limits {
    /// The limits of queries that the program itself writes: those on the size of a document do not apply.
    pub fn of_own_queries(limits: &Self) -> Self {
        let most = 1_000_000;
        Self { depth: most, complexity: most, aliases: most, directives: most, tokens: most, ..limits.clone() }
    }
}

/// At most a year: the clock overflows with much longer ones.
fn duration(text: &str) -> Result<Duration, String> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let duration = humantime::parse_duration(text).ok().filter(|it| *it <= YEAR);
    duration.ok_or_else(|| "write a time as 500ms, 30s or 2m, of at most 365 days".to_owned())
}

fn period(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|it| if it.is_zero() { Err("write a time longer than 0s".to_owned()) } else { Ok(it) })
}

/// The upper end is what one load of the store reads.
fn page(text: &str) -> Result<usize, String> {
    const MAX: usize = 1_000;
    text.parse().ok().filter(|it| (1..=MAX).contains(it)).ok_or_else(|| format!("write a number from 1 to {MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_units() {
        for (text, seconds) in [
            ("30s", Some(30.0)),
            ("500ms", Some(0.5)),
            ("0s", Some(0.0)),
            ("0ms", Some(0.0)),
            ("007s", Some(7.0)),
            ("2m", Some(120.0)),
            ("1m 30s", Some(90.0)),
            ("365days", Some(31_536_000.0)),
            ("", None),
            ("30", None),
            ("s", None),
            ("-1s", None),
            ("366days", None),
            ("18446744073709551615s", None),
            ("18446744073709551616s", None),
        ] {
            assert_eq!(duration(text).ok(), seconds.map(Duration::from_secs_f64), "{text}");
        }
        assert!(period("0s").is_err());
        assert_eq!(period("1ms"), Ok(Duration::from_millis(1)));
    }
}

//! The address that a server listens on.

use std::{net::SocketAddr, str::FromStr};

use anyhow::Context;
use tokio::net::TcpSocket;

const DEFAULT_HOST: &str = "127.0.0.1";

/// A host and a port, as in `--listen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listen {
    host: String,
    port: u16,
}

impl FromStr for Listen {
    type Err = &'static str;

    /// Parses `127.0.0.1:8360`, `localhost:8360`, `[::1]:8360`, `:8360` or `8360`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORMS: &str = "write an address and a port, as 127.0.0.1:8360 or localhost:8360, or a port alone";
        let (host, port) = text.rsplit_once(':').unwrap_or((DEFAULT_HOST, text));
        let host = if host.is_empty() { DEFAULT_HOST } else { host };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_bare_ipv6 = bare.is_none() && host.contains(':');
        if is_bare_ipv6 || host.contains(['/', '@', '[', ']', ' ']) && bare.is_none() {
            return Err(FORMS);
        }
        let port = port.parse().map_err(|_| FORMS)?;
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port })
    }
}

impl Listen {
    /// The address of its host. Prefers IPv4, which most clients try first.
    pub(super) async fn resolve(&self) -> anyhow::Result<SocketAddr> {
        let Self { host, port } = self;
        let found = tokio::net::lookup_host((host.as_str(), *port))
            .await
            .with_context(|| format!("--listen: this machine knows no host {host}"))?;
        let found: Vec<SocketAddr> = found.collect();
        let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
        first.copied().with_context(|| format!("--listen: the host {host} has no address"))
    }
}

/// Binds an address, without listening yet.
pub(super) fn bind(address: SocketAddr) -> anyhow::Result<TcpSocket> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A server that has just stopped leaves closing connections.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        std::io::Result::Ok(socket)
    };
    bound().with_context(|| failed(address))
}

pub(super) fn failed(address: SocketAddr) -> String {
    format!("{address} cannot be listened on; is another server there?")
}

#[cfg(test)]
mod tests {
    use super::Listen;

    #[test]
    fn addresses_to_listen_on() {
        let table = [
            ("127.0.0.1:8360", Some(("127.0.0.1", 8360))),
            ("localhost:8361", Some(("localhost", 8361))),
            ("[::1]:8360", Some(("::1", 8360))),
            ("8361", Some(("127.0.0.1", 8361))),
            (":8361", Some(("127.0.0.1", 8361))),
            ("0.0.0.0:0", Some(("0.0.0.0", 0))),
            ("localhost", None),
            ("127.0.0.1:", None),
            ("127.0.0.1:65536", None),
            ("::1:8360", None),
            ("http://localhost:8360", None),
            ("", None),
        ];
        for (text, expected) in table {
            let read = text.parse::<Listen>().ok();
            let expected = expected.map(|(host, port)| Listen { host: host.to_owned(), port });
            assert_eq!(read, expected, "{text}");
        }
    }
}

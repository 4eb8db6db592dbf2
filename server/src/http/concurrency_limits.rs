//! Concurrency limits, for the server and for each client: requests, streams, WebSockets, and the bytes of bodies in memory.
//!
//! No request waits for a permit, because a queue would need unbounded memory. The client gets `OVERLOADED` and retries later.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{extract::ConnectInfo, http::Extensions};

use crate::auth::access::Caller;

/// What a limit counts as one client: a key, or without one an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Client {
    Key(Arc<str>),
    Address(IpAddr),
}

impl Client {
    pub(super) fn of(caller: &Caller, extensions: &Extensions) -> Self {
        caller.key.clone().map_or_else(|| Self::at(extensions), Self::Key)
    }

    /// The client before it is authenticated.
    pub(super) fn at(extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        Self::Address(network_of(peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))))
    }
}

/// The network that one client controls: the first 64 bits of an IPv6 address, which a provider assigns to a customer.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

/// A number of permits, with a limit for each client.
#[derive(Clone)]
pub(super) struct ConcurrencyLimit(Arc<Inner>);

struct Inner {
    max: usize,
    max_per_client: usize,
    in_use: Mutex<InUse>,
}

#[derive(Default)]
struct InUse {
    total: usize,
    per_client: HashMap<Client, usize>,
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitReached {
    /// All permits are in use.
    Exhausted,
    /// This client has as many as one client may have.
    ClientLimit,
    /// More than the limit itself: a retry cannot succeed.
    TooLarge,
}

impl ConcurrencyLimit {
    pub(super) fn new(max: usize, max_per_client: usize) -> Self {
        Self(Arc::new(Inner { max, max_per_client: max_per_client.min(max), in_use: Mutex::default() }))
    }

    /// Acquires `n`; dropping the permit releases them.
    pub(super) fn acquire(&self, client: &Client, n: usize) -> Result<Permit, LimitReached> {
        let mut permit = self.empty_permit(client);
        permit.grow(n)?;
        Ok(permit)
    }

    /// A permit of nothing, which can grow.
    pub(super) fn empty_permit(&self, client: &Client) -> Permit {
        Permit { limit: self.0.clone(), client: client.clone(), n: 0 }
    }
}

impl fmt::Debug for ConcurrencyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("max", &self.0.max)
            .field("max_per_client", &self.0.max_per_client)
            .finish()
    }
}

/// A part of a limit that a client holds.
pub(super) struct Permit {
    limit: Arc<Inner>,
    client: Client,
    n: usize,
}

impl Permit {
    /// Acquires `more`, all or nothing.
    pub(super) fn grow(&mut self, more: usize) -> Result<(), LimitReached> {
        let mut in_use = self.limit.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if self.limit.max < self.n.saturating_add(more) {
            return Err(if self.limit.max == 0 { LimitReached::Exhausted } else { LimitReached::TooLarge });
        }
        if self.limit.max < in_use.total.saturating_add(more) {
            return Err(LimitReached::Exhausted);
        }
        let own = in_use.per_client.get(&self.client).copied().unwrap_or_default().saturating_add(more);
        // A single permit may exceed the limit of one client, or a large request could never run.
        if self.limit.max_per_client < own && own != self.n.saturating_add(more) {
            return Err(LimitReached::ClientLimit);
        }
        if 0 < more {
            in_use.total += more;
            in_use.per_client.insert(self.client.clone(), own);
        }
        drop(in_use);
        self.n += more;
        Ok(())
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("n", &self.n).finish()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.n == 0 {
            return;
        }
        let mut in_use = self.limit.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.total = in_use.total.saturating_sub(self.n);
        if let Some(own) = in_use.per_client.get_mut(&self.client) {
            *own = own.saturating_sub(self.n);
            if *own == 0 {
                in_use.per_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Client {
        Client::Address(network_of(text.parse().expect("an address")))
    }

    #[test]
    fn one_client_cannot_have_all() {
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let places = ConcurrencyLimit::new(4, 2);
        let first = places.acquire(&one, 1).expect("there are four");
        let _second = places.acquire(&one, 1).expect("it may have two");
        assert_eq!(places.acquire(&one, 1).err(), Some(LimitReached::ClientLimit));
        let _third = places.acquire(&other, 2).expect("there are two left");
        assert_eq!(places.acquire(&address("::1"), 1).err(), Some(LimitReached::Exhausted));
        drop(first);
        assert!(places.acquire(&one, 1).is_ok());
        assert_eq!(places.acquire(&one, 5).err(), Some(LimitReached::TooLarge));
    }

    #[test]
    fn a_single_permit_may_exceed_the_limit_of_one_client() {
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let bytes = ConcurrencyLimit::new(100, 50);
        let mut large = bytes.acquire(&one, 10).expect("it fits");
        assert_eq!(large.grow(60), Ok(()));
        assert_eq!(bytes.acquire(&one, 1).err(), Some(LimitReached::ClientLimit));
        assert_eq!(large.grow(31), Err(LimitReached::TooLarge));
        let mut rest = bytes.acquire(&other, 20).expect("it fits");
        assert_eq!(rest.grow(11), Err(LimitReached::Exhausted));
        drop(large);
        assert_eq!(rest.grow(11), Ok(()));
        drop(rest);
        assert!(
            bytes.0.in_use.lock().expect("the lock is not poisoned").per_client.is_empty(),
            "released permits leave nothing"
        );
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        for (a, b, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            assert_eq!(address(a) == address(b), same, "{a} {b}");
        }
    }
}

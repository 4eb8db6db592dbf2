//! What all clients share, and how much of it each of them can have: places for requests, streams and sockets, and bytes in work.
//!
//! Nobody waits for a share: what waited would take memory without bound. Who gets none comes back a little later.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{extract::ConnectInfo, http::Extensions};

use crate::auth::access::Caller;

/// Who shares: the holder of a key, or where there is none, an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Client {
    Key(Arc<str>),
    Address(IpAddr),
}

impl Client {
    pub(super) fn of(caller: &Caller, extensions: &Extensions) -> Self {
        caller.key.clone().map_or_else(|| Self::at(extensions), Self::Key)
    }

    /// Who it is before it has shown a key.
    pub(super) fn at(extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        Self::Address(network_of(peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))))
    }
}

/// What one side can have many addresses of: of an IPv6 address the 64 bits that a provider gives to a customer.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

/// An amount of something.
#[derive(Clone)]
pub(super) struct ConcurrencyLimit(Arc<Inner>);

struct Inner {
    most: usize,
    /// The most that one client has.
    most_each: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    each: HashMap<Client, usize>,
}

/// Why there is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitReached {
    /// All of it is taken.
    AllTaken,
    /// This client has as much as one can have.
    OwnTaken,
    /// It is more than there is, however long one waits.
    TooMuch,
}

impl ConcurrencyLimit {
    pub(super) fn new(most: usize, most_each: usize) -> Self {
        Self(Arc::new(Inner { most, most_each: most_each.min(most), taken: Mutex::default() }))
    }

    /// Takes a share; it is given back when it is dropped.
    pub(super) fn take(&self, client: &Client, n: usize) -> Result<Permit, LimitReached> {
        let mut share = self.none_of(client);
        share.grow(n)?;
        Ok(share)
    }

    /// Nothing yet, of a client that will take some.
    pub(super) fn none_of(&self, client: &Client) -> Permit {
        Permit { of: self.0.clone(), client: client.clone(), n: 0 }
    }
}

impl fmt::Debug for ConcurrencyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shares").field("most", &self.0.most).field("most_each", &self.0.most_each).finish()
    }
}

/// A share that someone has.
pub(super) struct Permit {
    of: Arc<Inner>,
    client: Client,
    n: usize,
}

impl Permit {
    /// Takes more of it, all or nothing.
    pub(super) fn grow(&mut self, more: usize) -> Result<(), LimitReached> {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if self.of.most < self.n.saturating_add(more) {
            return Err(if self.of.most == 0 { LimitReached::AllTaken } else { LimitReached::TooMuch });
        }
        if self.of.most < taken.all.saturating_add(more) {
            return Err(LimitReached::AllTaken);
        }
        let own = taken.each.get(&self.client).copied().unwrap_or_default().saturating_add(more);
        // One alone can have more than its part as long as it is a single thing.
        if self.of.most_each < own && own != self.n.saturating_add(more) {
            return Err(LimitReached::OwnTaken);
        }
        if 0 < more {
            taken.all += more;
            taken.each.insert(self.client.clone(), own);
        }
        drop(taken);
        self.n += more;
        Ok(())
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("n", &self.n).finish()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.n == 0 {
            return;
        }
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(self.n);
        if let Some(own) = taken.each.get_mut(&self.client) {
            *own = own.saturating_sub(self.n);
            if *own == 0 {
                taken.each.remove(&self.client);
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
        let first = places.take(&one, 1).expect("there are four");
        let _second = places.take(&one, 1).expect("it may have two");
        assert_eq!(places.take(&one, 1).err(), Some(LimitReached::OwnTaken));
        let _third = places.take(&other, 2).expect("there are two left");
        assert_eq!(places.take(&address("::1"), 1).err(), Some(LimitReached::AllTaken));
        drop(first);
        assert!(places.take(&one, 1).is_ok());
        assert_eq!(places.take(&one, 5).err(), Some(LimitReached::TooMuch));
    }

    #[test]
    fn one_large_thing_is_taken_where_nothing_else_is_of_its_client() {
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let bytes = ConcurrencyLimit::new(100, 50);
        let mut large = bytes.take(&one, 10).expect("it fits");
        assert_eq!(large.grow(60), Ok(()));
        assert_eq!(bytes.take(&one, 1).err(), Some(LimitReached::OwnTaken));
        assert_eq!(large.grow(31), Err(LimitReached::TooMuch));
        let mut rest = bytes.take(&other, 20).expect("it fits");
        assert_eq!(rest.grow(11), Err(LimitReached::AllTaken));
        drop(large);
        assert_eq!(rest.grow(11), Ok(()));
        drop(rest);
        assert!(bytes.0.taken.lock().expect("nobody panicked").each.is_empty(), "nothing is kept of those who left");
    }

    #[test]
    fn whose_network_it_is_counts() {
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

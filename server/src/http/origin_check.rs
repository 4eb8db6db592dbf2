//! Whom a server without keys answers: programs of its own machine and its own page, and no page of another state.
//!
//! A browser sends what any page tells it to, and a name of a page's own can lead to this machine (DNS rebinding). So the host of a
//! request has to be one of the server's own names, and what a browser says about where the request comes from has to be here. With keys
//! a page of another state has none to show, and only the names that the operator gives are held to.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};

use super::{AppState, graphql, refused};
use crate::graphql::ErrorCode;

/// The names that a server is asked by.
#[derive(Debug, Clone)]
pub(super) struct OriginCheck {
    /// The own names count, and where a request comes from.
    is_keyless: bool,
    /// Where it listens.
    ip: IpAddr,
    port: u16,
    allowed: Arc<[AllowedHost]>,
}

/// A name that an operator allows: with a port only with that one, without one with any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    name: String,
    port: Option<u16>,
}

impl FromStr for AllowedHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, port) = name_and_port(text.trim())
            .ok_or("write a host as profiles.example.com, profiles.example.com:8443 or [::1]:8360")?;
        Ok(Self { name, port })
    }
}

/// A host's name in small letters, and its port. None where it is no host.
fn name_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            (format!("[{address}]"), if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name.to_ascii_lowercase(), Some(port)),
            None => (text.to_ascii_lowercase(), None),
        },
    };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || !(name.starts_with('[') || name.bytes().all(is_letter)) {
        return None;
    }
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    Some((name, port))
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Host,
    CrossSite,
}

impl OriginCheck {
    pub(super) fn new(is_keyless: bool, listens_on: SocketAddr, allowed: Vec<AllowedHost>) -> Self {
        Self { is_keyless, ip: listens_on.ip().to_canonical(), port: listens_on.port(), allowed: allowed.into() }
    }

    fn fault_of(&self, request: &Request) -> Option<Fault> {
        if !self.is_keyless && self.allowed.is_empty() {
            return None;
        }
        let headers = request.headers();
        let Some(host) = only_host(headers) else { return Some(Fault::Host) };
        // In a request by a whole address its host counts, and the header has to be one of ours all the same.
        let in_address = request.uri().authority().map(axum::http::uri::Authority::as_str);
        if ![Some(host), in_address].into_iter().flatten().all(|host| self.is_own(host)) {
            return Some(Fault::Host);
        }
        if !self.is_keyless || self.is_of_own_site(headers, host) || is_visit(request) {
            return None;
        }
        Some(Fault::CrossSite)
    }

    /// Whether no page of another state sends the request, as far as the browser says.
    fn is_of_own_site(&self, headers: &HeaderMap, host: &str) -> bool {
        let is_own_site = |state: &[u8]| matches!(state, b"same-origin" | b"none");
        headers.get_all("sec-fetch-site").iter().all(|state| is_own_site(state.as_bytes()))
            && headers.get_all(header::ORIGIN).iter().all(|origin| self.is_own_origin(origin, host))
    }

    /// Whether a page of that origin is one of that host, or of one that the operator allows.
    fn is_own_origin(&self, origin: &HeaderValue, host: &str) -> bool {
        let Some((scheme, rest)) = origin.to_str().ok().and_then(|it| it.split_once("://")) else { return false };
        matches!(scheme, "http" | "https") && (rest.eq_ignore_ascii_case(host) || self.is_allowed(rest))
    }

    /// Whether a page that opens a WebSocket may: no browser asks that, as it does for other requests.
    pub(super) fn welcomes(&self, headers: &HeaderMap) -> bool {
        let host = only_host(headers).unwrap_or_default();
        headers.get_all(header::ORIGIN).iter().all(|origin| self.is_own_origin(origin, host))
    }

    fn is_allowed(&self, host: &str) -> bool {
        let Some((name, port)) = name_and_port(host) else { return false };
        self.allowed.iter().any(|it| it.name == name && (it.port.is_none() || it.port == port))
    }

    fn is_own(&self, host: &str) -> bool {
        const HTTP: u16 = 80;
        let Some((name, port)) = name_and_port(host) else { return false };
        let is_ours = || {
            let own = [self.ip, Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            let address: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
            name == "localhost" || address.is_some_and(|address| own.contains(&address))
        };
        (self.is_keyless && port.unwrap_or(HTTP) == self.port && is_ours()) || self.is_allowed(host)
    }
}

/// The one host that the headers name.
fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?;
    if hosts.next().is_some() {
        return None;
    }
    host.to_str().ok()
}

/// Whether someone follows a link to the page: it holds no data, and what it asks for then it asks for itself.
fn is_visit(request: &Request) -> bool {
    let is = |name: &str, value: &[u8]| {
        let mut values = request.headers().get_all(name).iter();
        values.next().is_some_and(|it| it.as_bytes() == value) && values.next().is_none()
    };
    let path = request.uri().path().trim_start_matches('/');
    let is_of_page = !["graphql", "v1", "api"].contains(&path.split('/').next().unwrap_or_default());
    let is_file = path.rsplit('/').next().unwrap_or_default().contains('.');
    matches!(*request.method(), Method::GET | Method::HEAD)
        && is_of_page
        && !is_file
        && !request.headers().contains_key(header::ORIGIN)
        && is("sec-fetch-mode", b"navigate")
        && is("sec-fetch-dest", b"document")
}

/// Set where a request comes from elsewhere and is answered all the same: whether the server lives everyone may know.
#[derive(Debug, Clone, Copy)]
pub(super) struct CrossOrigin;

/// Refuses what is meant for another host, or what another state's page sends.
pub(super) async fn own_only(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(fault) = state.door.fault_of(&request) else { return next.run(request).await };
    let path = request.uri().path();
    if matches!(*request.method(), Method::GET | Method::HEAD) && matches!(path, "/healthz" | "/readyz") {
        request.extensions_mut().insert(CrossOrigin);
        return next.run(request).await;
    }
    let (code, sentence) = match fault {
        Fault::Host if state.door.is_keyless => (
            ErrorCode::HostNotAllowed,
            "without keys the server answers to its own names only: 127.0.0.1, localhost and [::1], with its own port; where it is \
             reached by another name or a forwarded port, start it with --allowed-hosts HOST[:PORT]",
        ),
        Fault::Host => (
            ErrorCode::HostNotAllowed,
            "this is none of the hosts that the server answers to; ask by one of those, or add it to --allowed-hosts",
        ),
        Fault::CrossSite => (
            ErrorCode::CrossSiteRefused,
            "without keys the server answers no pages of other sites; use its own page, or have it ask for keys with --keys",
        ),
    };
    if path == "/graphql" { graphql::rejection(code, sentence, request.headers()) } else { refused(code, sentence) }
}

#[cfg(test)]
mod tests;

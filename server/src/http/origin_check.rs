//! The origin check of a server without keys: it serves programs on its own machine and its own page, and no page of another origin.
//!
//! A browser sends what any page asks it to, and a page can point its own host name to this machine (DNS rebinding). So the host of a
//! request has to be one of the server's own names, and `Origin` and `Sec-Fetch-Site` have to be of this server. With keys a page of
//! another origin has no key, and the server checks `--allowed-hosts` only.

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

/// The names that a server answers to.
#[derive(Debug, Clone)]
pub(super) struct OriginCheck {
    /// Also checks the server's own names and the origin.
    is_keyless: bool,
    ip: IpAddr,
    port: u16,
    allowed: Arc<[AllowedHost]>,
}

/// A name of `--allowed-hosts`; without a port it allows every port.
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

/// A host's name in lower case, and its port. None where the text is not a host.
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

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OriginError {
    Host,
    CrossSite,
}

impl OriginCheck {
    pub(super) fn new(is_keyless: bool, listens_on: SocketAddr, allowed: Vec<AllowedHost>) -> Self {
        Self { is_keyless, ip: listens_on.ip().to_canonical(), port: listens_on.port(), allowed: allowed.into() }
    }

    fn check(&self, request: &Request) -> Option<OriginError> {
        if !self.is_keyless && self.allowed.is_empty() {
            return None;
        }
        let headers = request.headers();
        let Some(host) = only_host(headers) else { return Some(OriginError::Host) };
        // A request line with an absolute URL has a second host: check both.
        let in_address = request.uri().authority().map(axum::http::uri::Authority::as_str);
        if ![Some(host), in_address].into_iter().flatten().all(|host| self.is_own(host)) {
            return Some(OriginError::Host);
        }
        if !self.is_keyless || self.is_of_own_site(headers, host) || is_visit(request) {
            return None;
        }
        Some(OriginError::CrossSite)
    }

    /// Whether the request comes from no page of another origin, as far as the browser says.
    fn is_of_own_site(&self, headers: &HeaderMap, host: &str) -> bool {
        let is_own_site = |site: &[u8]| matches!(site, b"same-origin" | b"none");
        headers.get_all("sec-fetch-site").iter().all(|site| is_own_site(site.as_bytes()))
            && headers.get_all(header::ORIGIN).iter().all(|origin| self.is_own_origin(origin, host))
    }

    /// Whether the origin is that host, or one that the operator allows.
    fn is_own_origin(&self, origin: &HeaderValue, host: &str) -> bool {
        let Some((scheme, rest)) = origin.to_str().ok().and_then(|it| it.split_once("://")) else { return false };
        matches!(scheme, "http" | "https") && (rest.eq_ignore_ascii_case(host) || self.is_allowed(rest))
    }

    /// Whether a page may open a WebSocket. Browsers send no CORS preflight for these, so the server has to check.
    pub(super) fn allows_websocket(&self, headers: &HeaderMap) -> bool {
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

/// Whether a user follows a link to the page. That is safe: the page holds no data, and its own requests are of the same origin.
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

/// Marks a request of another origin that is served anyway: a health check.
#[derive(Debug, Clone, Copy)]
pub(super) struct CrossOrigin;

/// Refuses requests for other hosts and from pages of other origins.
pub(super) async fn enforce(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(fault) = state.origin_check.check(&request) else { return next.run(request).await };
    let path = request.uri().path();
    if matches!(*request.method(), Method::GET | Method::HEAD) && matches!(path, "/healthz" | "/readyz") {
        request.extensions_mut().insert(CrossOrigin);
        return next.run(request).await;
    }
    let (code, sentence) = match fault {
        OriginError::Host if state.origin_check.is_keyless => (
            ErrorCode::HostNotAllowed,
            "without keys the server answers to its own names only: 127.0.0.1, localhost and [::1], with its own port; where it is \
             reached by another name or a forwarded port, start it with --allowed-hosts HOST[:PORT]",
        ),
        OriginError::Host => (
            ErrorCode::HostNotAllowed,
            "the server does not answer to this host; use one of --allowed-hosts, or add it there",
        ),
        OriginError::CrossSite => (
            ErrorCode::CrossSiteRefused,
            "without keys the server refuses pages of other sites; use its own page, or start it with --keys",
        ),
    };
    if path == "/graphql" { graphql::rejection(code, sentence, request.headers()) } else { refused(code, sentence) }
}

#[cfg(test)]
mod tests;

use axum::body::Body;

use super::*;

fn origin_check(is_keyless: bool, allowed: &[&str]) -> OriginCheck {
    let allowed = allowed.iter().map(|it| it.parse().expect("a host")).collect();
    OriginCheck::new(is_keyless, "127.0.0.1:8360".parse().expect("an address"), allowed)
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

#[test]
fn a_server_answers_to_its_own_names() {
    const NONE: &[&str] = &[];
    // No keys, --allowed-hosts, the hosts of a request, and whether it is served.
    let table: [(bool, &[&str], &[&str], bool); 35] = [
        (true, NONE, &["127.0.0.1:8360"], true),
        (true, NONE, &["localhost:8360"], true),
        (true, NONE, &["LocalHost:8360"], true),
        (true, NONE, &["[::1]:8360"], true),
        (true, NONE, &["[0:0:0:0:0:0:0:1]:8360"], true),
        (true, NONE, &["127.0.0.1:8361"], false),
        (true, NONE, &["localhost"], false),
        (true, NONE, &["127.0.0.2:8360"], false),
        (true, NONE, &["localhost.:8360"], false),
        (true, NONE, &["evil.example:8360"], false),
        (true, NONE, &["localhost.evil.example:8360"], false),
        (true, NONE, &["evil@localhost:8360"], false),
        (true, NONE, &["localhost:8360@evil.example"], false),
        (true, NONE, &["localhost:08360x"], false),
        (true, NONE, &["localhost:+8360"], false),
        (true, NONE, &["[::1"], false),
        (true, NONE, &["[::1]x:8360"], false),
        (true, NONE, &[":8360"], false),
        (true, NONE, &[""], false),
        (true, NONE, &[], false),
        (true, NONE, &["localhost:8360", "localhost:8360"], false),
        (true, NONE, &["localhost:8360, evil.example"], false),
        (true, &["localhost:9000"], &["localhost:9000"], true),
        (true, &["localhost:9000"], &["localhost:8360"], true),
        (true, &["localhost:9000"], &["localhost:9001"], false),
        (true, &["Profiles.example.com"], &["profiles.EXAMPLE.com:8443"], true),
        (true, &["profiles.example.com"], &["profiles.example.com"], true),
        (true, &["profiles.example.com:8443"], &["profiles.example.com"], false),
        (true, &["example.com"], &["profiles.example.com"], false),
        (false, NONE, &["evil.example"], true),
        (false, NONE, &[], true),
        (false, &["profiles.example.com"], &["profiles.example.com"], true),
        (false, &["profiles.example.com"], &["127.0.0.1:8360"], false),
        (false, &["127.0.0.1"], &["127.0.0.1:8360"], true),
        (false, &["profiles.example.com"], &[], false),
    ];
    for (is_keyless, allowed, hosts, is_answered) in table {
        let headers: Vec<(&str, &str)> = hosts.iter().map(|it| ("host", *it)).collect();
        let fault = origin_check(is_keyless, allowed).check(&request("POST", "/v1/track", &headers));
        assert_eq!(fault, (!is_answered).then_some(OriginError::Host), "{is_keyless} {allowed:?} {hosts:?}");
    }
    // With an absolute URL both hosts count.
    let own = [("host", "localhost:8360")];
    for (uri, headers, is_answered) in [
        ("http://127.0.0.1:8360/graphql", &own[..], true),
        ("http://evil.example:8360/graphql", &own, false),
        ("http://127.0.0.1:8360/graphql", &[("host", "evil.example:8360")], false),
        ("http://127.0.0.1:8360/graphql", &[], false),
    ] {
        let fault = origin_check(true, &[]).check(&request("GET", uri, headers));
        assert_eq!(fault.is_none(), is_answered, "{uri} {headers:?}");
    }
    for faulty in ["", "a b", "a:b", "https://a", "a/b", "[::1", "*"] {
        assert!(faulty.parse::<AllowedHost>().is_err(), "{faulty}");
    }
}

#[test]
fn pages_of_other_sites_are_refused() {
    let visit = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let framed = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    type Row<'r> = (&'r str, &'r str, &'r [(&'r str, &'r str)], bool);
    let table: [Row<'_>; 23] = [
        ("POST", "/graphql", &[], true),
        ("POST", "/graphql", &[("origin", "http://localhost:8360")], true),
        ("POST", "/graphql", &[("origin", "http://LOCALHOST:8360"), ("sec-fetch-site", "same-origin")], true),
        ("GET", "/graphql", &[("sec-fetch-site", "none")], true),
        ("POST", "/graphql", &[("origin", "https://evil.example")], false),
        ("POST", "/graphql", &[("origin", "http://localhost:8361")], false),
        ("POST", "/graphql", &[("origin", "http://127.0.0.1:8360")], false),
        ("POST", "/graphql", &[("origin", "null")], false),
        ("POST", "/graphql", &[("origin", "")], false),
        ("POST", "/graphql", &[("origin", "file://localhost:8360")], false),
        ("POST", "/graphql", &[("origin", "http://localhost:8360"), ("origin", "http://evil.example")], false),
        ("POST", "/graphql", &[("origin", "http://localhost:8360"), ("sec-fetch-site", "cross-site")], false),
        ("GET", "/graphql", &[("sec-fetch-site", "cross-site")], false),
        ("GET", "/graphql", &[("sec-fetch-site", "same-site")], false),
        ("GET", "/graphql", &[("sec-fetch-site", "something new")], false),
        ("GET", "/graphql", &visit, false),
        ("GET", "/v1/messages", &visit, false),
        ("GET", "/", &visit, true),
        ("GET", "/customers/1", &visit, true),
        ("POST", "/customers/1", &visit, false),
        ("GET", "/", &framed, false),
        ("GET", "/assets/index.js", &visit, false),
        ("OPTIONS", "/v1/track", &[("origin", "https://evil.example")], false),
    ];
    for (method, uri, headers, is_answered) in table {
        let headers: Vec<(&str, &str)> = [("host", "localhost:8360")].iter().chain(headers).copied().collect();
        let fault = origin_check(true, &[]).check(&request(method, uri, &headers));
        assert_eq!(fault, (!is_answered).then_some(OriginError::CrossSite), "{method} {uri} {headers:?}");
        // With keys the origin does not matter: another page has no key.
        assert_eq!(origin_check(false, &[]).check(&request(method, uri, &headers)), None);
    }
    // Behind a proxy the page has the proxy's name.
    let origin = [("host", "localhost:8360"), ("origin", "https://profiles.example.com")];
    for (allowed, is_answered) in [(&["profiles.example.com"][..], true), (&["example.com"], false), (&[], false)] {
        let request = request("POST", "/graphql", &origin);
        assert_eq!(origin_check(true, allowed).check(&request).is_none(), is_answered, "{allowed:?}");
        assert_eq!(origin_check(false, allowed).allows_websocket(request.headers()), is_answered, "{allowed:?}");
    }
}

//! Content negotiation (RFC 9110, section 12.5): what a client accepts, and with which weight.

use axum::http::{HeaderMap, HeaderName, header};

/// How a client accepts one of the forms that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Acceptance {
    /// In thousandths; 0 is not acceptable.
    pub weight: u16,
    /// The header names the form itself, not only a range that includes it.
    pub is_named: bool,
}

impl Acceptance {
    const REFUSED: Self = Self { weight: 0, is_named: false };

    pub(super) fn is_acceptable(self) -> bool {
        0 < self.weight
    }
}

/// How a client accepts a media type. The most specific range decides; parameters other than the weight are ignored. A client
/// that sends no `Accept` accepts everything.
pub(super) fn media_type(headers: &HeaderMap, offered: &str) -> Acceptance {
    if !headers.contains_key(header::ACCEPT) {
        return Acceptance { weight: 1000, is_named: false };
    }
    let kind = offered.split('/').next().unwrap_or_default();
    acceptance(headers, header::ACCEPT, |range| match range.split_once('/') {
        _ if range.eq_ignore_ascii_case(offered) => Some(Specificity::Exact),
        Some((range_kind, "*")) if range_kind.eq_ignore_ascii_case(kind) => Some(Specificity::Partial),
        Some(("*", "*")) => Some(Specificity::Any),
        _ => None,
    })
}

/// How a client accepts a content coding. A client that sends no `Accept-Encoding` gets none.
pub(super) fn coding(headers: &HeaderMap, offered: &str) -> Acceptance {
    acceptance(headers, header::ACCEPT_ENCODING, |range| {
        if range.eq_ignore_ascii_case(offered) {
            Some(Specificity::Exact)
        } else {
            (range == "*").then_some(Specificity::Any)
        }
    })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Any,
    Partial,
    Exact,
}

fn acceptance(
    headers: &HeaderMap,
    header: HeaderName,
    specificity: impl Fn(&str) -> Option<Specificity>,
) -> Acceptance {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).filter_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let specificity = specificity(parts.next()?)?;
        let weight = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| weight(value.trim()))
        });
        // A range with a malformed weight is ignored.
        Some((specificity, weight.unwrap_or(Some(1000))?))
    });
    ranges.max().map_or(Acceptance::REFUSED, |(specificity, weight)| Acceptance {
        weight,
        is_named: specificity == Specificity::Exact,
    })
}

/// A weight in thousandths: 0 to 1 with up to three decimal places.
fn weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || 3 < decimals.len() || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: Option<&'static str>) -> HeaderMap {
        value.map(|value| (name, HeaderValue::from_static(value))).into_iter().collect()
    }

    #[test]
    fn the_most_specific_range_weights_a_media_type() {
        for (accept, weight, is_named) in [
            (None, 1000, false),
            (Some("text/html"), 1000, true),
            (Some("TEXT/HTML; charset=utf-8"), 1000, true),
            (Some("text/html;q=0.5"), 500, true),
            (Some("text/html ; Q=0.05"), 50, true),
            (Some("text/*, text/html;q=0"), 0, true),
            (Some("text/html;level=1;q=0.3, */*"), 300, true),
            (Some("*/*;q=0.1, text/*;q=0.2"), 200, false),
            (Some("*/*"), 1000, false),
            (Some("application/json, image/*"), 0, false),
            (Some("text/html;q=0, text/html"), 1000, true),
            (Some(""), 0, false),
            // Malformed weights.
            (Some("text/html;q=2"), 0, false),
            (Some("text/html;q=1.001"), 0, false),
            (Some("text/html;q=0.0001"), 0, false),
            (Some("text/html;q=-1, */*;q=0.7"), 700, false),
            (Some("text/html;q="), 0, false),
        ] {
            let found = media_type(&headers(header::ACCEPT, accept), "text/html");
            assert_eq!(found, Acceptance { weight, is_named }, "{accept:?}");
        }
    }

    #[test]
    fn a_coding_is_accepted_where_it_is_named_and_not_refused() {
        for (accept, offered, weight) in [
            (None, "br", 0),
            (Some("gzip, deflate, br, zstd"), "br", 1000),
            (Some("gzip, deflate"), "br", 0),
            (Some("GZIP;q=0.5"), "gzip", 500),
            (Some("br;q=0, *"), "br", 0),
            (Some("br;q=0, *"), "gzip", 1000),
            (Some("br; q=0.0"), "br", 0),
            (Some("br; q=nonsense"), "br", 0),
            (Some(""), "gzip", 0),
        ] {
            assert_eq!(
                coding(&headers(header::ACCEPT_ENCODING, accept), offered).weight,
                weight,
                "{offered} of {accept:?}"
            );
        }
    }
}

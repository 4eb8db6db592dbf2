//! Writes GeoIP databases in MaxMind's format (version 2.0 of its specification).

use serde_json::{Value, json};

/// The bytes of a database with networks (`203.0.113.0/24`, `2001:db8::/32`) and their records.
pub fn geoip(kind: &str, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Next::Nothing; 2]];
    let mut data = Vec::new();
    for (network, record) in networks {
        let (address, length) = network.split_once('/').expect("a network has a length");
        let address: std::net::IpAddr = address.parse().expect("a network has an address");
        let length: usize = length.parse().expect("a length is a number");
        // IPv4 is at the start of IPv6.
        let (bits, length) = match address {
            std::net::IpAddr::V4(it) => (u128::from(it.to_bits()), 96 + length),
            std::net::IpAddr::V6(it) => (it.to_bits(), length),
        };
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == length {
                nodes[node][side] = Next::Data(data.len());
                break;
            }
            node = match nodes[node][side] {
                Next::Node(next) => next,
                Next::Nothing | Next::Data(_) => {
                    nodes.push([Next::Nothing; 2]);
                    nodes[node][side] = Next::Node(nodes.len() - 1);
                    nodes.len() - 1
                }
            };
        }
        write(record, &mut data);
    }
    let mut bytes = Vec::new();
    for next in nodes.iter().flatten() {
        let record = match next {
            Next::Node(it) => *it,
            Next::Nothing => nodes.len(),
            Next::Data(at) => nodes.len() + SEPARATOR.len() + at,
        };
        bytes.extend(&u32::try_from(record).expect("a small tree").to_be_bytes()[1..]);
    }
    bytes.extend(SEPARATOR);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let metadata = json!({
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_767_225_600,
        "database_type": kind, "description": { "en": "made for tests" }, "ip_version": 6, "languages": ["en"],
        "node_count": nodes.len(), "record_size": 24,
    });
    write(&metadata, &mut bytes);
    bytes
}

/// Where a bit of an address leads.
#[derive(Clone, Copy)]
enum Next {
    Nothing,
    Node(usize),
    Data(usize),
}

const SEPARATOR: [u8; 16] = [0; 16];

/// Appends a value: a control byte with type and size, then the contents.
fn write(value: &Value, bytes: &mut Vec<u8>) {
    const TEXT: u8 = 2;
    const MAP: u8 = 7;
    const ARRAY: u8 = 11;
    match value {
        Value::String(text) => {
            control(TEXT, text.len(), bytes);
            bytes.extend(text.as_bytes());
        }
        Value::Object(map) => {
            control(MAP, map.len(), bytes);
            for (name, value) in map {
                write(&json!(name), bytes);
                match value.as_u64() {
                    Some(number) => write_number(name, number, bytes),
                    None => write(value, bytes),
                }
            }
        }
        Value::Array(items) => {
            control(ARRAY, items.len(), bytes);
            items.iter().for_each(|it| write(it, bytes));
        }
        other => panic!("no record needs {other}"),
    }
}

/// Appends a number. Those of the metadata have types of their own, those of records have 32 bits.
fn write_number(name: &str, number: u64, bytes: &mut Vec<u8>) {
    const UNSIGNED_16: u8 = 5;
    const UNSIGNED_32: u8 = 6;
    const UNSIGNED_64: u8 = 9;
    let (kind, size) = match name {
        "build_epoch" => (UNSIGNED_64, 8),
        "binary_format_major_version" | "binary_format_minor_version" | "ip_version" | "record_size" => {
            (UNSIGNED_16, 2)
        }
        _ => (UNSIGNED_32, 4),
    };
    control(kind, size, bytes);
    bytes.extend(&number.to_be_bytes()[8 - size..]);
}

/// Types that do not fit into the control byte follow it.
fn control(kind: u8, size: usize, bytes: &mut Vec<u8>) {
    let (first, extended) = if kind < 8 { (kind, None) } else { (0, Some(kind - 7)) };
    let (size, beyond) = match u8::try_from(size).expect("values are small") {
        small @ 0..29 => (small, None),
        large => (29, Some(large - 29)),
    };
    bytes.push(first << 5 | size);
    bytes.extend(extended);
    bytes.extend(beyond);
}

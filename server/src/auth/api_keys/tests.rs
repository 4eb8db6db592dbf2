use std::{fs, os::unix::fs::PermissionsExt};

use profile360_core::{message::MessageType, time::Timestamp};

use super::{KeysError, NameFault, Random, Revoked, Scope, change, read};
use crate::auth::{
    access::Role,
    authenticator::{AuthError, Authenticator},
};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn random(n: u8) -> Random {
    Random { id: [n; 6], secret: [n.wrapping_add(100); 32] }
}

#[test]
fn a_key_authenticates_its_holder_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let create =
        |n, role, name| change(&path, |keys| keys.create(role, name, Scope::default(), &random(n), NOW)).unwrap();
    let (key, text) = create(1, Role::Reader, Some(" mina ")).unwrap();
    assert_eq!((&*key.id, &*key.name, key.role), ("010101010101", "mina", Role::Reader));
    assert_eq!(text, format!("p360_010101010101_{}", "65".repeat(32)));
    let (other, other_text) = create(2, Role::Admin, None).unwrap();
    assert_eq!(&*other.name, "admin-020202020202");
    let refused = [
        ("", NameFault::Form),
        ("two\nlines", NameFault::Form),
        ("mina\u{200b}", NameFault::Form),
        ("\u{202e}anim", NameFault::Form),
        ("\u{430}dmin", NameFault::Form),
        ("ｍｉｎａ", NameFault::Form),
        ("mi  na", NameFault::Form),
        ("mina\u{1b}[31m", NameFault::Form),
        ("local", NameFault::Reserved),
        ("LOCAL", NameFault::Reserved),
        ("System", NameFault::Reserved),
        ("mina", NameFault::InUse),
        ("Mina", NameFault::InUse),
    ];
    for (name, fault) in refused {
        assert_eq!(create(3, Role::Reader, Some(name)), Err(fault), "{name}");
    }

    let written = fs::read_to_string(&path).unwrap();
    assert!(!written.contains(&"65".repeat(8)), "the file holds no secret");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let authenticator = Authenticator::open(path.clone()).unwrap();
    let caller = authenticator.caller(Some(&text)).unwrap();
    assert_eq!((&*caller.name, caller.role), ("mina", Role::Reader));
    assert!(authenticator.is_still_valid(&caller));
    let half = text.get(..text.len() - 1).unwrap();
    let swapped = other_text.replace("0202", "0101");
    for (shown, reason) in [
        (None, AuthError::NoKey),
        (Some(""), AuthError::UnknownKey),
        (Some(half), AuthError::UnknownKey),
        (Some(&*swapped), AuthError::UnknownKey),
        (Some("p360_010101010101"), AuthError::UnknownKey),
    ] {
        assert_eq!(authenticator.caller(shown), Err(reason), "{shown:?}");
    }

    let revoke = |id: &str| change(&path, |keys| Ok::<_, ()>(keys.revoke(id, NOW))).unwrap().unwrap();
    assert!(matches!(revoke("010101010101"), Revoked::Now(_)));
    assert!(matches!(revoke("p360_010101010101"), Revoked::Before(_)));
    assert_eq!(revoke("unknown"), Revoked::NotFound);
    assert_eq!(authenticator.caller(Some(&text)), Err(AuthError::UnknownKey));
    assert!(!authenticator.is_still_valid(&caller));
    assert!(authenticator.caller(Some(&other_text)).is_ok());
    // The name of a revoked key is free again.
    assert!(create(4, Role::Analyst, Some("mina")).is_ok());

    // Fail closed: without the file, any key may have been revoked.
    fs::write(&path, "{").unwrap();
    assert_eq!(authenticator.caller(Some(&other_text)), Err(AuthError::NoKeysFile));
    fs::remove_file(&path).unwrap();
    assert_eq!(authenticator.caller(Some(&other_text)), Err(AuthError::NoKeysFile));
    fs::write(&path, written).unwrap();
    assert!(authenticator.caller(Some(&other_text)).is_ok());
}

#[test]
fn a_malformed_or_unsafe_file_is_refused_and_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    assert!(matches!(read(&path), Err(KeysError::Missing { .. })));
    let key =
        r#"{ "id": "a", "name": "n", "role": "READER", "hash": "blake3:00", "created_at": "2026-01-01T00:00:00Z" }"#;
    for (text, reason) in [
        ("", "is not one that"),
        ("[]", "is not one that"),
        (r#"{ "keys": [] }"#, "is not one that"),
        (r#"{ "version": 1, "keys": [], "more": 1 }"#, "is not one that"),
        (&format!(r#"{{ "version": 1, "keys": [{key}] }}"#), "line 1 column"),
        (r#"{ "version": 3, "keys": {} }"#, "newer than the 2"),
    ] {
        fs::write(&path, text).unwrap();
        for error in [read(&path).unwrap_err(), change(&path, |_| Ok::<_, ()>(())).unwrap_err()] {
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, r#"{ "version": 1, "keys": [] }"#).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    assert!(matches!(read(&path), Err(KeysError::WritableByOthers { .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(read(&path).is_ok(), "other users may read it: it holds no secret");
}

#[test]
fn concurrent_changes_lose_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::thread::scope(|scope| {
        for n in 0..16 {
            let path = &path;
            scope.spawn(move || {
                change(path, |keys| keys.create(Role::Ingest, None, Scope::default(), &random(n), NOW))
                    .unwrap()
                    .unwrap()
            });
        }
    });
    assert_eq!(read(&path).unwrap().iter().count(), 16);
}

#[test]
fn a_file_without_scopes_has_the_first_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let create = |n, scope| {
        change(&path, |keys| keys.create(Role::Ingest, None, scope, &random(n), NOW)).unwrap().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let document = create(1, Scope::default());
    assert_eq!((&document["version"], document["keys"][0].get("scope")), (&serde_json::json!(1), None));
    let scope = Scope { sources: ["crm".into()].into(), types: [MessageType::Event].into(), results: true };
    let document = create(2, scope.clone());
    let written = serde_json::json!({ "sources": ["crm"], "types": ["event"], "results": true });
    assert_eq!((&document["version"], &document["keys"][1]["scope"]), (&serde_json::json!(2), &written));
    assert_eq!(read(&path).unwrap().iter().last().unwrap().scope, scope);
}

//! Mistyped and read-only commands create nothing, and the error says what to do.

use std::{fs, net::TcpListener};

use profile360_tests::Base;

/// The files in the folder.
fn files(base: &Base) -> Vec<String> {
    let entries = fs::read_dir(base.folder()).expect("the folder can be read");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn read_only_commands_create_no_database() {
    let base = Base::new();
    fs::create_dir(base.path("other")).expect("a folder can be made");
    base.write("other/notes.txt", "no database");
    let before = files(&base);
    for database in ["surrealkv://./nowhere", "surrealkv://./other", "mem://"] {
        for command in [&["export", "--out", "all.csv"][..], &["check"]] {
            let ran = base.run(&[command, &["--db", database]].concat());
            assert_eq!(ran.status, Some(1), "{database} {command:?}: {}", ran.stdout);
            assert_eq!(ran.stdout, "", "{database} {command:?}");
            assert!(ran.stderr.contains(&format!("there is no database at {database}")), "{}", ran.stderr);
            assert_eq!(files(&base), before, "{database} {command:?}");
        }
    }
    assert_eq!(fs::read_dir(base.path("other")).expect("it is there").count(), 1);
}

#[test]
fn mistyped_options_are_refused_before_anything_is_created() {
    let base = Base::new();
    let table = [
        (&["serve", "--db", "surrealkv://./x?sync=alwas"][..], 1, "sync is every, never, or a time"),
        (&["check", "--db", "surrealkv://./x?sync=alwas"], 1, "sync is every, never, or a time"),
        (&["serve", "--db", "surrealkv:/./x"], 1, "did you mean surrealkv://./x?"),
        (&["serve", "--db", "./x"], 1, "did you mean surrealkv://./x?"),
        (&["serve", "--listen", "localhost"], 2, "write an address and a port"),
        (&["serve", "--listen", "no-such-host.invalid:8360"], 1, "this machine knows no host no-such-host.invalid"),
        (&["export", "--out", "a.csv", "--as-of", "01/01/2026"], 2, "a date is written yyyy-MM-dd"),
        (&["generate", "--profiles", "1", "--out", "a", "--until", "2026-1"], 2, "a date is written yyyy-MM-dd"),
    ];
    for (arguments, status, expected) in table {
        let ran = base.run(arguments);
        assert_eq!(ran.status, Some(status), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
        assert_eq!(files(&base), [""; 0], "{arguments:?}");
    }
}

#[test]
fn a_port_in_use_is_an_error_before_a_database_is_created() {
    let base = Base::new();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = other.local_addr().expect("it is bound").port().to_string();
    for listen in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), port] {
        let ran = base.run(&["serve", "--demo", "--listen", &listen]);
        assert_eq!(ran.status, Some(1), "{listen}");
        assert!(ran.stderr.contains("is another server there?"), "{listen}: {}", ran.stderr);
        assert_eq!(files(&base), [""; 0], "{listen}");
    }
}

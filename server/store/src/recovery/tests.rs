use std::ops::RangeInclusive;

use super::*;

/// The folder of a database that has flushed everything before a segment.
fn base(log_number: u64, last_entry: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in [LOG, "manifest"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let mut manifest = vec![0, 1];
    for number in [7, log_number, last_entry] {
        manifest.extend(number.to_be_bytes());
    }
    fs::write(folder.path().join(MANIFEST), manifest).unwrap();
    folder
}

/// A segment with a commit of one entry per number, and the ends of the commits.
fn segment(numbers: impl IntoIterator<Item = u64>) -> (Vec<u8>, Vec<usize>) {
    let mut writer = SegmentWriter::default();
    let mut ends = Vec::new();
    for number in numbers {
        // The third is longer than a block.
        let n_bytes = if number % 5 == 3 { 40_000 } else { 9 };
        writer.add(&Committed::sample(number, 1, n_bytes), number);
        ends.push(writer.bytes().len());
    }
    (writer.bytes().to_vec(), ends)
}

fn put(folder: &Path, name: &str, number: u64, bytes: &[u8]) {
    fs::create_dir_all(folder.join(name)).unwrap();
    fs::write(segment_path(&folder.join(name), number), bytes).unwrap();
}

/// The numbers of the commits in the log, by segment.
fn log(folder: &Path) -> Vec<(u64, Vec<u64>)> {
    let read_numbers = |segment: Segment| {
        let bytes = fs::read(segment.path).unwrap();
        let numbers = Pieces::of(&bytes).map(|piece| match piece {
            Piece::Commit(commit) => commit.first,
            Piece::Unreadable(range) => panic!("bytes {range:?} cannot be read"),
        });
        (segment.number, numbers.collect())
    };
    segments_of(&folder.join(LOG)).unwrap().into_iter().map(read_numbers).collect()
}

fn expect_tidy(folder: &Path) {
    for name in [NEW_LOG, OLD_LOG, KEPT] {
        assert!(!folder.join(name).exists(), "{name} is left");
    }
}

#[test]
fn a_database_that_was_closed_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b");
    assert_eq!(prepare(&below).unwrap(), None, "a new one");
    let base = base(4, 100);
    assert_eq!(prepare(base.path()).unwrap(), None, "no log");
    // An older segment is flushed, and one that was never written to is empty.
    put(base.path(), LOG, 2, &segment(90..=95).0);
    put(base.path(), LOG, 4, &[]);
    assert_eq!(prepare(base.path()).unwrap(), None);
    assert_eq!(log(base.path()), []);
    assert!(finish(base.path()).is_ok());
}

#[test]
fn complete_commits_before_a_cut_are_recovered() {
    let (whole, ends) = segment(11..=15);
    for cut in ends[0]..=whole.len() {
        // Sample the long one.
        if (ends[1] + 20..ends[2] - 20).contains(&cut) && cut % 997 != 0 {
            continue;
        }
        let base = base(4, 10);
        put(base.path(), LOG, 4, &whole[..cut]);
        let recovered = prepare(base.path()).unwrap().unwrap();
        let n_whole = ends.iter().filter(|end| **end <= cut).count();
        let last_end = ends[n_whole - 1];
        assert_eq!(recovered.n_commits, n_whole as u64, "cut at {cut}");
        assert!((1..n_whole).all(|n| ends[n] - ends[n - 1] <= recovered.largest), "cut at {cut}");
        assert_eq!(recovered.n_bytes_cut, cut - last_end, "cut at {cut}");
        assert_eq!(log(base.path()), [(4, (11..11 + n_whole as u64).collect())], "cut at {cut}");
        expect_tidy(base.path());
        assert!(matches!(finish(base.path()), Err(RecoveryError::NotFlushed { .. })));
    }
}

/// Earlier versions of this program let the engine append after what it treated as the end.
#[test]
fn commits_after_an_unfinished_one_are_recovered_if_none_is_missing() {
    let (before, _) = segment(11..=12);
    let (unfinished, _) = segment([13]);
    // A part of its head, its head, its first fragment, and what a power failure can leave.
    for unfinished in [&unfinished[..3], &unfinished[..6], &unfinished[..9], &unfinished[..32_700], &[0; 4], &[0; 90]] {
        let behind = |numbers: RangeInclusive<u64>| {
            let mut writer = SegmentWriter::append_to([&before[..], unfinished].concat());
            numbers.for_each(|number| writer.add(&Committed::sample(number, 1, 9), number));
            writer.bytes().to_vec()
        };
        let whole = base(4, 10);
        put(whole.path(), LOG, 4, &behind(13..=15));
        let recovered = prepare(whole.path()).unwrap().unwrap();
        assert_eq!(log(whole.path()), [(4, vec![11, 12, 13, 14, 15])]);
        assert!(unfinished.len() <= recovered.n_bytes_cut);

        let with_a_gap = base(4, 10);
        put(with_a_gap.path(), LOG, 4, &behind(14..=15));
        match prepare(with_a_gap.path()) {
            Err(RecoveryError::Damaged { offset, .. }) => assert_eq!(offset, before.len()),
            other => panic!("{other:?}"),
        }
        let segment = fs::read(segment_path(&with_a_gap.path().join(LOG), 4)).unwrap();
        assert_eq!(segment, behind(14..=15), "nothing is changed");
    }
}

#[test]
fn segments_are_read_in_order_and_rewritten_to_fit_into_memory() {
    let folder = base(4, 10);
    put(folder.path(), LOG, 3, &[]);
    put(folder.path(), LOG, 4, &segment(11..=12).0);
    let mut writer = SegmentWriter::default();
    let n_entries = SEGMENT_BYTES as u64 / ENTRY_BYTES as u64 * 2 / 3;
    writer.add(&Committed::sample(13, n_entries, 9), 13);
    writer.add(&Committed::sample(13 + n_entries, n_entries, 9), 13 + n_entries);
    put(folder.path(), LOG, 5, writer.bytes());
    assert_eq!(prepare(folder.path()).unwrap().map(|it| it.n_commits), Some(4));
    assert_eq!(log(folder.path()), [(4, vec![11, 12, 13]), (5, vec![13 + n_entries])]);
}

#[test]
fn the_last_commits_before_a_rotation_are_recovered_and_renumbered() {
    let n_again = COMMITS_OVER_A_ROTATION as u64;
    for kept_in in [KEPT, LOG] {
        let folder = base(4, 110);
        put(folder.path(), kept_in, 3, &segment(1..=112).0);
        put(folder.path(), LOG, 4, &segment(113..=114).0);
        assert_eq!(prepare(folder.path()).unwrap().map(|it| it.n_commits), Some(n_again + 2));
        assert_eq!(log(folder.path()), [(4, (111..113 + n_again).collect())]);
        expect_tidy(folder.path());
    }
    // An older kept segment is flushed.
    let folder = base(4, 110);
    put(folder.path(), KEPT, 2, &segment(1..=9).0);
    assert_eq!(prepare(folder.path()).unwrap(), None);
    expect_tidy(folder.path());
}

#[test]
fn recovery_completes_after_a_kill_at_any_step() {
    let expected = [(4, vec![11, 12])];
    let started = || {
        let folder = base(4, 10);
        put(folder.path(), LOG, 4, &segment(11..=12).0);
        folder
    };
    // Killed while the new log is written,
    let folder = started();
    put(folder.path(), NEW_LOG, 4, &segment(11..=11).0[..5]);
    prepare(folder.path()).unwrap();
    assert_eq!(log(folder.path()), expected);
    // between the two renames,
    let folder = started();
    put(folder.path(), NEW_LOG, 4, &segment(11..=12).0);
    put(folder.path(), KEPT, 3, &segment(1..=10).0);
    rename(&folder.path().join(LOG), &folder.path().join(OLD_LOG)).unwrap();
    prepare(folder.path()).unwrap();
    assert_eq!(log(folder.path()), expected);
    expect_tidy(folder.path());
    // and before the old log is gone.
    let folder = started();
    put(folder.path(), OLD_LOG, 4, &segment(1..=2).0);
    prepare(folder.path()).unwrap();
    assert_eq!(log(folder.path()), expected);
    expect_tidy(folder.path());
    // The engine may have flushed a part, and gets the rest.
    let folder = base(5, 12);
    put(folder.path(), LOG, 5, &segment(13..=14).0);
    prepare(folder.path()).unwrap();
    assert_eq!(log(folder.path()), [(5, vec![13, 14])]);
}

#[test]
fn a_missing_or_truncated_manifest_is_not_recreated() {
    let (segment, _) = segment(11..=12);
    for n_bytes in [None, Some(0), Some(25)] {
        let folder = base(4, 10);
        put(folder.path(), LOG, 4, &segment);
        let manifest = folder.path().join(MANIFEST);
        match n_bytes {
            Some(n_bytes) => File::options().write(true).open(manifest).unwrap().set_len(n_bytes).unwrap(),
            None => fs::remove_file(manifest).unwrap(),
        }
        assert!(matches!(prepare(folder.path()), Err(RecoveryError::NoManifest { .. })), "{n_bytes:?}");
    }
}

#[test]
fn an_open_database_is_not_changed() {
    let folder = base(4, 10);
    put(folder.path(), LOG, 4, &segment(11..=12).0);
    let lock = lock(folder.path()).unwrap();
    assert!(matches!(prepare(folder.path()), Err(RecoveryError::InUse)));
    drop(lock);
    assert!(prepare(folder.path()).is_ok());
}

#[test]
fn a_segment_is_kept_until_the_next_one_is_gone() {
    let folder = base(4, 10);
    let log = folder.path().join(LOG);
    let kept = |folder: &Path| -> Vec<u64> {
        segments_of(&folder.join(KEPT)).unwrap().into_iter().map(|segment| segment.number).collect()
    };
    put(folder.path(), LOG, 4, &[1]);
    assert!(LogKeeper::start(folder.path()).is_err(), "it was written to");
    put(folder.path(), LOG, 4, &[]);
    let keeper = LogKeeper::start(folder.path()).unwrap();
    assert!(keeper.expect_written().is_err());
    put(folder.path(), LOG, 4, &[1]);
    assert!(keeper.expect_written().is_ok());
    for (number, expected) in [(5, vec![4, 5]), (6, vec![4, 5, 6])] {
        put(folder.path(), LOG, number, &[1]);
        keeper.follow().unwrap();
        assert_eq!(kept(folder.path()), expected);
    }
    fs::remove_file(segment_path(&log, 4)).unwrap();
    fs::remove_file(segment_path(&log, 5)).unwrap();
    put(folder.path(), LOG, 7, &[1]);
    keeper.follow().unwrap();
    assert_eq!(kept(folder.path()), [5, 6, 7]);
    assert!(matches!(keeper.end(), Err(RecoveryError::NotFlushed { .. })));
}

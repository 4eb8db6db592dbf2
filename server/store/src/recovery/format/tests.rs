use proptest::prelude::*;

use super::*;

fn commit(first: u64, n_bytes: usize) -> Committed {
    Committed::sample(first, 1, n_bytes)
}

fn segment(sizes: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let mut writer = SegmentWriter::default();
    let mut ends = vec![0];
    for (first, n_bytes) in (1..).zip(sizes) {
        writer.add(&commit(first, *n_bytes), first);
        ends.push(writer.bytes().len());
    }
    (writer.bytes, ends)
}

/// The numbers of the commits, and the unreadable ranges.
fn firsts(bytes: &[u8]) -> (Vec<u64>, Vec<(usize, usize)>) {
    let mut commits = Vec::new();
    let mut unreadable = Vec::new();
    for piece in Pieces::of(bytes) {
        match piece {
            Piece::Commit(commit) => commits.push(commit.first),
            Piece::Unreadable(range) => unreadable.push((range.start, range.end)),
        }
    }
    (commits, unreadable)
}

/// Sizes whose records end at and around the end of a block, or span several.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let near_a_block = (BLOCK - 24)..(BLOCK + 4);
    prop::collection::vec(prop_oneof![0..300_usize, near_a_block, Just(2 * BLOCK + 11)], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn written_commits_are_read_back(sizes in sizes()) {
        let (bytes, _) = segment(&sizes);
        let (commits, unreadable) = firsts(&bytes);
        prop_assert_eq!(commits.len(), sizes.len());
        prop_assert!(unreadable.is_empty());
    }

    /// Complete commits before a cut are read, and so are those that are appended after it.
    #[test]
    fn a_cut_loses_only_the_commit_that_it_cuts(sizes in sizes(), cut in any::<prop::sample::Index>()) {
        let (bytes, ends) = segment(&sizes);
        let cut = cut.index(bytes.len() + 1);
        let n_whole = ends.iter().skip(1).filter(|end| **end <= cut).count();
        let (commits, _) = firsts(&bytes[..cut]);
        prop_assert_eq!(commits.len(), n_whole);

        // As the engine does after a tail that it treats as the end.
        let mut writer = SegmentWriter::append_to(bytes[..cut].to_vec());
        writer.add(&commit(1_000, 40), 1_000);
        let (commits, _) = firsts(&writer.bytes);
        prop_assert_eq!(commits.len(), n_whole + 1);
        prop_assert_eq!(commits.last(), Some(&1_000));
    }
}

#[test]
fn zeros_are_no_commits() {
    let (mut bytes, _) = segment(&[10, 20]);
    let end = bytes.len();
    bytes.resize(end + 50_000, 0);
    assert_eq!(firsts(&bytes), (vec![1, 2], vec![(end, end + 50_000)]));
}

#[test]
fn a_changed_byte_loses_one_commit() {
    let (whole, ends) = segment(&[10, 20, 30]);
    for position in ends[1]..ends[2] {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x40;
        let (commits, unreadable) = firsts(&bytes);
        assert_eq!(commits, [1, 3], "byte {position}");
        assert_eq!(unreadable, [(ends[1], ends[2])], "byte {position}");
    }
}

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Link, MOST, SharedMap, size};

/// The depth. Fails if a half is too large or a size is wrong.
fn depth(link: &Link<u8, u32>) -> usize {
    let Some(node) = link else { return 0 };
    let (left, right) = (size(&node.left), size(&node.right));
    assert_eq!(node.size, left + right + 1);
    assert!(left + right < 2 || (left <= MOST * right && right <= MOST * left), "{left} and {right}");
    1 + depth(&node.left).max(depth(&node.right))
}

#[track_caller]
fn check(map: &SharedMap<u8, u32>, expected: &BTreeMap<u8, u32>) {
    depth(&map.root);
    assert!(map.iter().eq(expected), "{map:?} {expected:?}");
    assert!(map.iter().rev().eq(expected.iter().rev()));
    assert_eq!((map.len(), map.is_empty()), (expected.len(), expected.is_empty()));
    assert_eq!(map.last_key_value(), expected.last_key_value());
}

proptest! {
    /// It is a map, and a copy stays what it was when it was made.
    #[test]
    fn it_is_an_ordered_map_and_copies_do_not_change(changes in prop::collection::vec((0..5_u8, any::<u8>(), any::<u32>()), 0..400)) {
        let (mut map, mut expected) = (SharedMap::new(), BTreeMap::new());
        let mut copies = Vec::new();
        for (what, key, value) in changes {
            match what {
                0 | 1 => prop_assert_eq!(map.insert(key, value), expected.insert(key, value)),
                2 => prop_assert_eq!(map.remove(&key), expected.remove(&key)),
                3 => {
                    prop_assert_eq!(map.get(&key), expected.get(&key));
                    let (one, other) = (map.get_mut(&key), expected.get_mut(&key));
                    prop_assert_eq!(one.is_some(), other.is_some());
                    one.into_iter().chain(other).for_each(|it| *it = value);
                }
                _ => copies.push((map.clone(), expected.clone())),
            }
            check(&map, &expected);
        }
        copies.iter().for_each(|(copy, expected)| check(copy, expected));
        let again: SharedMap<u8, u32> = expected.iter().rev().map(|(key, value)| (*key, *value)).collect();
        prop_assert_eq!(again, map);
    }
}

/// Both ends of an iterator meet once.
#[test]
fn the_ends_of_an_iterator_meet() {
    let map: SharedMap<u8, u32> = (0..100).map(|key| (key, u32::from(key))).collect();
    let mut iter = map.iter();
    let mut seen = Vec::new();
    while let Some((key, _)) = iter.next() {
        seen.push(*key);
        seen.extend(iter.next_back().map(|(key, _)| *key));
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..100));
    assert_eq!(iter.next_back(), None);
}

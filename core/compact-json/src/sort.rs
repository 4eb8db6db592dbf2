//! Sorting and sets, in a form for the browser too.
//!
//! The standard library compiles its sorts again for every type that is sorted: forty times some four kilobytes. The browser
//! downloads that, so there all sorts go through one that orders positions. The result is the same everywhere.

use std::cmp::Ordering;

/// The distinct items, ascending: a set for the browser too, where each set of another type is another ten kilobytes.
pub fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    sort_by(&mut items, Ord::cmp);
    items.dedup();
    items
}

/// Sorts by a total order: equal items are the same, so that it says nothing which comes first.
#[cfg(not(target_arch = "wasm32"))]
pub fn sort_by<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    items.sort_unstable_by(compare);
}

/// Sorts; equal items keep their sequence.
#[cfg(not(target_arch = "wasm32"))]
pub fn sort_stably_by<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    items.sort_by(compare);
}

#[cfg(target_arch = "wasm32")]
pub use self::{sort_positions_by as sort_by, sort_positions_by as sort_stably_by};

/// Sorts; equal items keep their sequence. Only the comparison is compiled for each type.
#[cfg(any(test, target_arch = "wasm32"))]
pub fn sort_positions_by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut order = sorted(items.len(), &mut |a, b| compare(&items[a], &items[b]));
    // Along each cycle of the permutation every item goes to its place.
    for start in 0..order.len() {
        let mut here = start;
        loop {
            let from = std::mem::replace(&mut order[here], here);
            if from == start || from == here {
                break;
            }
            items.swap(here, from);
            here = from;
        }
    }
}

#[cfg(any(test, target_arch = "wasm32"))]
fn sorted(n_items: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n_items).collect();
    order.sort_by(|a, b| compare(*a, *b));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_are_sorted_as_the_standard_library_sorts(items in prop::collection::vec((0..6u8, any::<u16>()), 0..60)) {
            let mut expected = items.clone();
            expected.sort_by_key(|it| it.0);
            let mut sorted = items;
            sort_positions_by(&mut sorted, |a, b| a.0.cmp(&b.0));
            prop_assert_eq!(sorted, expected);
        }
    }
}

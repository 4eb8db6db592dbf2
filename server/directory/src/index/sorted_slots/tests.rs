use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn sorted_slots_behave_like_a_sorted_vec(
        loaded in prop::collection::btree_set(0..4_000_u32, 0..1_500),
        changes in prop::collection::vec(0..4_000_u32, 0..1_500),
        ranks in prop::collection::vec((0..3_000_usize, 0..3_000_usize), 8),
    ) {
        let mut expected: Vec<u32> = loaded.into_iter().collect();
        let mut order = Order::from_sorted(&expected);
        for slot in changes {
            match expected.binary_search(&slot) {
                Ok(place) => {
                    expected.remove(place);
                    order.remove(slot, |it| it.cmp(&slot));
                }
                Err(place) => {
                    expected.insert(place, slot);
                    order.insert(slot, |it| it.cmp(&slot));
                }
            }
            // Removing an absent slot changes nothing.
            order.remove(5_000, |it| it.cmp(&5_000));
        }
        prop_assert_eq!(order.len(), expected.len());
        for (one, other) in ranks {
            let (from, to) = (one.min(other).min(expected.len()), one.max(other).min(expected.len()));
            let part = &expected[from..to];
            prop_assert_eq!(&order.forwards(from..to).collect::<Vec<_>>(), part);
            let backwards: Vec<u32> = order.backwards(from..to).collect();
            prop_assert!(part.iter().rev().eq(&backwards));
            let limit = u32::try_from(one).expect("small");
            prop_assert_eq!(order.rank(|it| it < limit), expected.partition_point(|it| *it < limit));
        }
    }
}

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn texts_of_slots_are_separate(
        changes in prop::collection::vec((0..700_u32, "( [ab가]{1,3}){0,2}"), 0..900),
        needle in " ?[ab가]{1,2}",
    ) {
        let mut column = TextColumn::default();
        let mut expected: BTreeMap<u32, &str> = BTreeMap::new();
        for (slot, text) in &changes {
            column.set(*slot, text);
            expected.insert(*slot, text);
        }
        for slot in 0..700 {
            prop_assert_eq!(column.text(slot), expected.get(&slot).copied().unwrap_or_default());
        }
        let mut found = Vec::new();
        column.scan(needle.as_bytes(), |it| found.push(it));
        let with_it: Vec<u32> = expected.iter().filter(|(_, it)| it.contains(&needle)).map(|(slot, _)| *slot).collect();
        prop_assert_eq!(found, with_it);
    }
}

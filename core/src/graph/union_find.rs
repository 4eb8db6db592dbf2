//! Disjoint sets.

/// Union-find by size with path halving.
pub(crate) struct DisjointSets {
    parent: Vec<usize>,
    size: Vec<u32>,
}

impl DisjointSets {
    pub(crate) fn new(n: usize) -> Self {
        Self { parent: (0..n).collect(), size: vec![1; n] }
    }

    /// How many are in all sets.
    pub(crate) fn len(&self) -> usize {
        self.parent.len()
    }

    pub(crate) fn find(&mut self, mut it: usize) -> usize {
        while self.parent[it] != it {
            self.parent[it] = self.parent[self.parent[it]];
            it = self.parent[it];
        }
        it
    }

    /// The number of each item's set, from 0 in the order of their first items, and how many sets there are.
    pub(crate) fn numbered(&mut self) -> (Vec<usize>, usize) {
        let mut number_of_root = vec![usize::MAX; self.len()];
        let mut n_sets = 0;
        let mut number_of = Vec::with_capacity(self.len());
        for item in 0..self.len() {
            let number = &mut number_of_root[self.find(item)];
            if *number == usize::MAX {
                *number = n_sets;
                n_sets += 1;
            }
            number_of.push(*number);
        }
        (number_of, n_sets)
    }

    /// Joins the sets of both; the root of the whole, and the root that is none any more.
    pub(crate) fn join(&mut self, a: usize, b: usize) -> (usize, usize) {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return (a, a);
        }
        let (root, child) = if self.size[a] < self.size[b] { (b, a) } else { (a, b) };
        self.parent[child] = root;
        self.size[root] = self.size[root].saturating_add(self.size[child]);
        (root, child)
    }
}

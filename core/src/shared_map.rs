//! An ordered map whose copies share what is equal: a copy costs nothing, and a change copies one path of the tree.
//!
//! A search tree that is balanced by the sizes of its halves. Its depth is logarithmic, so recursion is shallow.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt::{self, Debug},
    iter::FusedIterator,
    sync::Arc,
};

/// An ordered map that is cheap to copy.
pub struct SharedMap<K, V> {
    root: Link<K, V>,
}

type Link<K, V> = Option<Arc<Node<K, V>>>;

#[derive(Clone)]
struct Node<K, V> {
    key: K,
    value: V,
    /// The number of entries from here on down.
    size: usize,
    left: Link<K, V>,
    right: Link<K, V>,
}

/// A half may have at most so many times the entries of the other one. With [`SINGLE`], one rotation restores that.
const MOST: usize = 3;
/// Below this ratio of the inner to the outer grandchild a single rotation is enough.
const SINGLE: usize = 2;

impl<K, V> SharedMap<K, V> {
    pub const fn new() -> Self {
        Self { root: None }
    }

    pub fn len(&self) -> usize {
        size(&self.root)
    }

    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// All entries, by their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        let mut iter = Iter { front: Vec::new(), back: Vec::new(), n_left: self.len() };
        iter.descend_left(&self.root);
        iter.descend_right(&self.root);
        iter
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut link = &self.root;
        while let Some(node) = link {
            link = match key.cmp(node.key.borrow()) {
                Ordering::Less => &node.left,
                Ordering::Greater => &node.right,
                Ordering::Equal => return Some(&node.value),
            };
        }
        None
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Puts a value in place of an earlier one, which it returns.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        insert(&mut self.root, key, value)
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        // Copies no path for a key that is not there.
        if self.contains_key(key) { remove(&mut self.root, key) } else { None }
    }

    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.contains_key(key) {
            return None;
        }
        let mut link = &mut self.root;
        loop {
            let node = Arc::make_mut(link.as_mut()?);
            match key.cmp(node.key.borrow()) {
                Ordering::Less => link = &mut node.left,
                Ordering::Greater => link = &mut node.right,
                Ordering::Equal => return Some(&mut node.value),
            }
        }
    }
}

fn size<K, V>(link: &Link<K, V>) -> usize {
    link.as_ref().map_or(0, |node| node.size)
}

fn insert<K: Ord + Clone, V: Clone>(link: &mut Link<K, V>, key: K, value: V) -> Option<V> {
    let Some(node) = link else {
        *link = Some(Arc::new(Node { key, value, size: 1, left: None, right: None }));
        return None;
    };
    let top = Arc::make_mut(node);
    let earlier = match key.cmp(&top.key) {
        Ordering::Less => insert(&mut top.left, key, value),
        Ordering::Greater => insert(&mut top.right, key, value),
        Ordering::Equal => return Some(std::mem::replace(&mut top.value, value)),
    };
    if earlier.is_none() {
        balance(node);
    }
    earlier
}

fn remove<K: Ord + Clone + Borrow<Q>, V: Clone, Q: Ord + ?Sized>(link: &mut Link<K, V>, key: &Q) -> Option<V> {
    let node = link.as_mut()?;
    let removed = match key.cmp(node.key.borrow()) {
        Ordering::Less => remove(&mut Arc::make_mut(node).left, key),
        Ordering::Greater => remove(&mut Arc::make_mut(node).right, key),
        Ordering::Equal => return remove_top(link).map(|(_, value)| value),
    };
    balance(node);
    removed
}

fn remove_top<K: Clone, V: Clone>(link: &mut Link<K, V>) -> Option<(K, V)> {
    let Node { key, value, left, mut right, .. } = Arc::unwrap_or_clone(link.take()?);
    *link = if left.is_none() {
        right
    } else {
        match remove_first(&mut right) {
            None => left,
            Some((key, value)) => {
                let mut node = Arc::new(Node { key, value, size: 0, left, right });
                balance(&mut node);
                Some(node)
            }
        }
    };
    Some((key, value))
}

fn remove_first<K: Clone, V: Clone>(link: &mut Link<K, V>) -> Option<(K, V)> {
    let node = link.as_mut()?;
    if node.left.is_none() {
        return remove_top(link);
    }
    let removed = remove_first(&mut Arc::make_mut(node).left);
    balance(node);
    removed
}

/// Restores the balance of a node after an entry was added to one of its halves or removed from it.
fn balance<K: Clone, V: Clone>(link: &mut Arc<Node<K, V>>) {
    let node = Arc::make_mut(link);
    node.measure();
    let (left, right) = (size(&node.left), size(&node.right));
    if left + right < 2 {
        return;
    }
    if MOST * left < right {
        if let Some(half) = &mut node.right
            && SINGLE * size(&half.right) <= size(&half.left)
        {
            rotate_right(half);
        }
        rotate_left(link);
    } else if MOST * right < left {
        if let Some(half) = &mut node.left
            && SINGLE * size(&half.left) <= size(&half.right)
        {
            rotate_left(half);
        }
        rotate_right(link);
    }
}

/// Raises the right half.
fn rotate_left<K: Clone, V: Clone>(link: &mut Arc<Node<K, V>>) {
    let top = Arc::make_mut(link);
    let Some(mut risen) = top.right.take() else { return };
    top.right = Arc::make_mut(&mut risen).left.take();
    top.measure();
    std::mem::swap(link, &mut risen);
    let node = Arc::make_mut(link);
    node.left = Some(risen);
    node.measure();
}

/// Raises the left half.
fn rotate_right<K: Clone, V: Clone>(link: &mut Arc<Node<K, V>>) {
    let top = Arc::make_mut(link);
    let Some(mut risen) = top.left.take() else { return };
    top.left = Arc::make_mut(&mut risen).right.take();
    top.measure();
    std::mem::swap(link, &mut risen);
    let node = Arc::make_mut(link);
    node.right = Some(risen);
    node.measure();
}

impl<K, V> Node<K, V> {
    fn measure(&mut self) {
        self.size = 1 + size(&self.left) + size(&self.right);
    }
}

/// The entries of a map, by their keys.
pub struct Iter<'m, K, V> {
    /// The next node from the start, and those whose right halves come after it.
    front: Vec<&'m Node<K, V>>,
    /// The next node from the end, and those whose left halves come before it.
    back: Vec<&'m Node<K, V>>,
    n_left: usize,
}

impl<'m, K, V> Iter<'m, K, V> {
    fn descend_left(&mut self, mut link: &'m Link<K, V>) {
        while let Some(node) = link {
            self.front.push(node);
            link = &node.left;
        }
    }

    fn descend_right(&mut self, mut link: &'m Link<K, V>) {
        while let Some(node) = link {
            self.back.push(node);
            link = &node.right;
        }
    }
}

impl<'m, K, V> Iterator for Iter<'m, K, V> {
    type Item = (&'m K, &'m V);

    fn next(&mut self) -> Option<Self::Item> {
        self.n_left = self.n_left.checked_sub(1)?;
        let node = self.front.pop()?;
        self.descend_left(&node.right);
        Some((&node.key, &node.value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.n_left, Some(self.n_left))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.n_left = self.n_left.checked_sub(1)?;
        let node = self.back.pop()?;
        self.descend_right(&node.left);
        Some((&node.key, &node.value))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}
impl<K, V> FusedIterator for Iter<'_, K, V> {}

impl<K, V> Clone for SharedMap<K, V> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone() }
    }
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Debug, V: Debug> Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SharedMap<K, V> {}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        entries.into_iter().for_each(|(key, value)| drop(map.insert(key, value)));
        map
    }
}

#[cfg(test)]
mod tests;

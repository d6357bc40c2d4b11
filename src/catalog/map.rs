//! A sorted map whose copies share what they have in common.
//!
//! Lint keeps what exists before every statement, so a catalog is copied once per statement. Entries
//! stand in leaves, and leaves in groups: a copy of the map costs one count per group, and a change
//! copies one group and one leaf (as counts) and one entry; so a longer history costs little more
//! per statement (`tests/it/lint/speed.rs`). In all else it behaves as a `BTreeMap`.

use std::{fmt, ops::Index, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most entries of one leaf, and the most leaves of one group.
const MOST: usize = 32;

type Entry<K, V> = Arc<(K, V)>;
type Leaf<K, V> = Arc<Vec<Entry<K, V>>>;
type Group<K, V> = Arc<Vec<Leaf<K, V>>>;

/// The map. No leaf and no group is empty; keys ascend within a leaf and from leaf to leaf.
#[derive(Clone)]
pub struct Map<K, V> {
    groups: Vec<Group<K, V>>,
}

/// Where an entry stands, or would.
#[derive(Clone, Copy)]
struct Place {
    group: usize,
    leaf: usize,
    at: usize,
}

fn first_of_leaf<K, V>(leaf: &Leaf<K, V>) -> Option<&K> {
    leaf.first().map(|entry| &entry.0)
}

fn first_of_group<K, V>(group: &Group<K, V>) -> Option<&K> {
    group.first().and_then(first_of_leaf)
}

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// A map without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a key is, or where it would be inserted.
    fn find(&self, key: &K) -> Result<Place, Place> {
        let start = Place {
            group: 0,
            leaf: 0,
            at: 0,
        };
        let group = self
            .groups
            .partition_point(|group| first_of_group(group).is_some_and(|first| first <= key));
        let Some(group) = group.checked_sub(1) else {
            return Err(start);
        };
        let leaves = &self.groups[group];
        let leaf = leaves
            .partition_point(|leaf| first_of_leaf(leaf).is_some_and(|first| first <= key))
            .saturating_sub(1);
        match leaves[leaf].binary_search_by(|entry| entry.0.cmp(key)) {
            Ok(at) => Ok(Place { group, leaf, at }),
            Err(at) => Err(Place { group, leaf, at }),
        }
    }

    fn value_mut(&mut self, place: Place) -> &mut V {
        let group = Arc::make_mut(&mut self.groups[place.group]);
        let leaf = Arc::make_mut(&mut group[place.leaf]);
        &mut Arc::make_mut(&mut leaf[place.at]).1
    }

    /// Puts a new entry where [`Self::find`] says, and says where it has come to stand.
    fn put(&mut self, mut place: Place, key: K, value: V) -> Place {
        let entry = Arc::new((key, value));
        if self.groups.is_empty() {
            self.groups.push(Arc::new(vec![Arc::new(vec![entry])]));
            return place;
        }
        let group = Arc::make_mut(&mut self.groups[place.group]);
        let leaf = Arc::make_mut(&mut group[place.leaf]);
        leaf.insert(place.at, entry);
        let Some(rest) = halved(leaf) else {
            return place;
        };
        group.insert(place.leaf + 1, Arc::new(rest));
        if place.at >= MOST / 2 {
            place.leaf += 1;
            place.at -= MOST / 2;
        }
        if let Some(rest) = halved(group) {
            self.groups.insert(place.group + 1, Arc::new(rest));
            if place.leaf >= MOST / 2 {
                place.group += 1;
                place.leaf -= MOST / 2;
            }
        }
        place
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let place = self.find(key).ok()?;
        Some(&self.groups[place.group][place.leaf][place.at].1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.find(key).ok()?;
        Some(self.value_mut(place))
    }

    /// Whether there is a value of that key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    /// Sets the value of a key, and gives back the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(std::mem::replace(self.value_mut(place), value)),
            Err(place) => {
                self.put(place, key, value);
                None
            }
        }
    }

    /// The value of a key, which is made if there is none.
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let place = match self.find(&key) {
            Ok(place) => place,
            Err(place) => self.put(place, key, value()),
        };
        self.value_mut(place)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.find(key).ok()?;
        let group = Arc::make_mut(&mut self.groups[place.group]);
        let leaf = Arc::make_mut(&mut group[place.leaf]);
        let entry = leaf.remove(place.at);
        if leaf.is_empty() {
            group.remove(place.leaf);
        }
        if group.is_empty() {
            self.groups.remove(place.group);
        }
        Some(Arc::unwrap_or_clone(entry).1)
    }

    /// Keeps the entries that are wanted.
    pub fn retain(&mut self, mut wanted: impl FnMut(&K, &V) -> bool) {
        let gone: Vec<K> = self
            .iter()
            .filter(|(key, value)| !wanted(key, value))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.remove(&key);
        }
    }

    /// Every value, to be changed. What is shared is copied, so look before you ask for it.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.groups
            .iter_mut()
            .flat_map(|group| Arc::make_mut(group).iter_mut())
            .flat_map(|leaf| Arc::make_mut(leaf).iter_mut())
            .map(|entry| &mut Arc::make_mut(entry).1)
    }

    /// The values that `wanted` takes, to be changed; nothing else is copied.
    pub fn values_mut_if(&mut self, wanted: impl Fn(&V) -> bool) -> impl Iterator<Item = &mut V> {
        let in_leaf = |leaf: &Leaf<K, V>| leaf.iter().any(|entry| wanted(&entry.1));
        // Whether a leaf has one, for the leaves of each group that has one.
        let touched: Vec<Vec<bool>> = self
            .groups
            .iter()
            .map(|group| group.iter().map(in_leaf).collect())
            .collect();
        self.groups
            .iter_mut()
            .zip(touched)
            .filter(|(_, leaves)| leaves.contains(&true))
            .flat_map(|(group, leaves)| Arc::make_mut(group).iter_mut().zip(leaves))
            .filter(|(_, touched)| *touched)
            .flat_map(|(leaf, _)| Arc::make_mut(leaf).iter_mut())
            .filter(move |entry| wanted(&entry.1))
            .map(|entry| &mut Arc::make_mut(entry).1)
    }
}

/// The second half of what has become too long.
fn halved<T>(full: &mut Vec<T>) -> Option<Vec<T>> {
    (full.len() > MOST).then(|| full.split_off(MOST / 2))
}

/// What two maps do not share.
#[derive(Debug)]
pub struct Differences<'a, K, V> {
    /// Entries of the first alone.
    pub gone: Vec<&'a (K, V)>,
    /// Entries of the second alone.
    pub new: Vec<&'a (K, V)>,
}

impl<K: Ord, V> Map<K, V> {
    /// The entries of `earlier` that this map does not share with it, and the other way round; an
    /// entry that was written again is in both. What is shared is not looked at.
    pub fn differences<'a>(&'a self, earlier: &'a Self) -> Differences<'a, K, V> {
        let (gone, new) = unshared(&earlier.groups, &self.groups, first_of_group);
        let (gone, new) = unshared(
            gone.into_iter().flat_map(|group| group.iter()),
            new.into_iter().flat_map(|group| group.iter()),
            first_of_leaf,
        );
        let (gone, new) = unshared(
            gone.into_iter().flat_map(|leaf| leaf.iter()),
            new.into_iter().flat_map(|leaf| leaf.iter()),
            |entry: &Entry<K, V>| Some(&entry.0),
        );
        Differences {
            gone: gone.into_iter().map(AsRef::as_ref).collect(),
            new: new.into_iter().map(AsRef::as_ref).collect(),
        }
    }
}

/// What of two rows of shared things, each sorted by the first key in it, is not in both. A thing
/// that is in both begins with the same key in both, so that the rows meet at it.
fn unshared<'a, T: 'a, K: Ord + 'a>(
    one: impl IntoIterator<Item = &'a Arc<T>>,
    other: impl IntoIterator<Item = &'a Arc<T>>,
    first: impl Fn(&'a Arc<T>) -> Option<&'a K>,
) -> (Vec<&'a Arc<T>>, Vec<&'a Arc<T>>) {
    let (mut ones, mut others) = (one.into_iter().peekable(), other.into_iter().peekable());
    let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
    loop {
        match (ones.peek(), others.peek()) {
            (None, None) => return (of_one, of_other),
            (Some(one), Some(other)) if Arc::ptr_eq(one, other) => {
                ones.next();
                others.next();
            }
            (Some(one), Some(other)) => {
                let order = first(one).cmp(&first(other));
                if order.is_le() {
                    of_one.extend(ones.next());
                }
                if order.is_ge() {
                    of_other.extend(others.next());
                }
            }
            (Some(_), None) => of_one.extend(ones.next()),
            (None, Some(_)) => of_other.extend(others.next()),
        }
    }
}

impl<K, V> Map<K, V> {
    /// Every entry, by key.
    pub fn iter(&self) -> Entries<'_, K, V> {
        Entries {
            groups: self.groups.iter(),
            leaves: [].iter(),
            within: [].iter(),
        }
    }

    /// Every key, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// Every value, by key.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        let leaves = self.groups.iter().flat_map(|group| group.iter());
        leaves.map(|leaf| leaf.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// The entries of a map, by key.
#[derive(Debug)]
pub struct Entries<'a, K, V> {
    groups: std::slice::Iter<'a, Group<K, V>>,
    leaves: std::slice::Iter<'a, Leaf<K, V>>,
    within: std::slice::Iter<'a, Entry<K, V>>,
}

impl<'a, K, V> Iterator for Entries<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.within.next() {
                return Some((&entry.0, &entry.1));
            }
            self.within = if let Some(leaf) = self.leaves.next() {
                leaf.iter()
            } else {
                self.leaves = self.groups.next()?.iter();
                [].iter()
            };
        }
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Entries<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { groups: Vec::new() }
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord + Clone, V: Clone> Index<&K> for Map<K, V> {
    type Output = V;

    /// The value of a key.
    ///
    /// # Panics
    ///
    /// When there is none, as a `BTreeMap` does.
    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the map holds the key")
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for Map<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Map<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K, V> Deserialize<'de> for Map<K, V>
where
    K: Ord + Clone + Deserialize<'de>,
    V: Clone + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = std::collections::BTreeMap::<K, V>::deserialize(deserializer)?;
        Ok(entries.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Change {
        Insert(u8, u8),
        Remove(u8),
        Get(u8, u8),
        Set(u8, u8),
        Retain(u8),
        Bump,
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            8 => (any::<u8>(), any::<u8>()).prop_map(|(k, v)| Change::Insert(k, v)),
            3 => any::<u8>().prop_map(Change::Remove),
            2 => (any::<u8>(), any::<u8>()).prop_map(|(k, v)| Change::Get(k, v)),
            2 => (any::<u8>(), any::<u8>()).prop_map(|(k, v)| Change::Set(k, v)),
            1 => (2..9_u8).prop_map(Change::Retain),
            1 => Just(Change::Bump),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is done to it, it holds what a `BTreeMap` would, and so does every copy.
        #[test]
        fn it_is_a_sorted_map_and_copies_stay_as_they_were(
            changes in prop::collection::vec(change(), 0..300)
        ) {
            let mut map: Map<u8, u8> = Map::new();
            let mut model: BTreeMap<u8, u8> = BTreeMap::new();
            let mut copies = Vec::new();
            for change in changes {
                match change {
                    Change::Insert(k, v) => prop_assert_eq!(map.insert(k, v), model.insert(k, v)),
                    Change::Remove(k) => prop_assert_eq!(map.remove(&k), model.remove(&k)),
                    Change::Get(k, v) => {
                        prop_assert_eq!(map.get(&k), model.get(&k));
                        let made = *map.get_or_insert_with(k, || v);
                        prop_assert_eq!(made, *model.entry(k).or_insert(v));
                    }
                    Change::Set(k, v) => {
                        let (one, other) = (map.get_mut(&k), model.get_mut(&k));
                        prop_assert_eq!(one.is_some(), other.is_some());
                        if let (Some(one), Some(other)) = (one, other) {
                            *one = v;
                            *other = v;
                        }
                    }
                    Change::Retain(n) => {
                        map.retain(|k, _| k % n != 0);
                        model.retain(|k, _| k % n != 0);
                    }
                    Change::Bump => {
                        for value in map.values_mut().chain(model.values_mut()) {
                            *value = value.wrapping_add(1);
                        }
                    }
                }
                copies.push((map.clone(), model.clone()));
            }
            for pair in copies.windows(2) {
                let ((earlier, before), (map, after)) = (&pair[0], &pair[1]);
                let found = map.differences(earlier);
                let mut patched = before.clone();
                for (key, _) in found.gone {
                    prop_assert!(patched.remove(key).is_some());
                }
                for (key, value) in found.new {
                    prop_assert!(patched.insert(*key, *value).is_none());
                }
                prop_assert_eq!(&patched, after);
            }
            for (map, model) in copies {
                prop_assert_eq!(map.len(), model.len());
                prop_assert!(map.iter().eq(model.iter()));
                let leaves = || map.groups.iter().flat_map(|group| group.iter());
                prop_assert!(leaves().all(|leaf| !leaf.is_empty() && leaf.len() <= MOST));
                prop_assert!(map.groups.iter().all(|group| !group.is_empty() && group.len() <= MOST));
            }
        }
    }

    #[test]
    fn a_change_copies_only_what_it_touches() {
        let map: Map<u32, String> = (0..10_000).map(|n| (n, n.to_string())).collect();
        let mut copy = map.clone();
        copy.insert(500, "changed".to_owned());
        let shared = map
            .groups
            .iter()
            .zip(&copy.groups)
            .filter(|(one, other)| Arc::ptr_eq(one, other))
            .count();
        assert_eq!(shared, map.groups.len() - 1);
        let found = copy.differences(&map);
        assert_eq!(found.gone, [&(500, "500".to_owned())]);
        assert_eq!(found.new, [&(500, "changed".to_owned())]);
        assert_eq!(map[&500], "500");
    }

    #[test]
    fn it_is_written_and_read_as_a_map() {
        let map: Map<String, u8> = [("b".to_owned(), 2), ("a".to_owned(), 1)]
            .into_iter()
            .collect();
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(text, r#"{"a":1,"b":2}"#);
        assert_eq!(serde_json::from_str::<Map<String, u8>>(&text).unwrap(), map);
    }
}

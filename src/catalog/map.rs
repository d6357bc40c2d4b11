//! A sorted map whose copies share what they have in common.
//!
//! Lint keeps what exists before every statement, so a catalog is copied once per statement. A copy
//! of this map costs one count per chunk of entries, and a change of it copies one chunk (as
//! counts) and one entry; so a longer history costs little more per statement (`tests/it/lint/speed.rs`).
//! In all else it behaves as a `BTreeMap`.

use std::{fmt, ops::Index, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most entries of one chunk.
const CHUNK: usize = 32;

type Chunk<K, V> = Arc<Vec<Arc<(K, V)>>>;

/// The map. No chunk is empty; keys ascend within a chunk and from chunk to chunk.
#[derive(Clone)]
pub struct Map<K, V> {
    chunks: Vec<Chunk<K, V>>,
}

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// A map without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a key is, or where it would be inserted.
    fn find(&self, key: &K) -> Result<(usize, usize), (usize, usize)> {
        let behind = self
            .chunks
            .partition_point(|chunk| chunk.first().is_some_and(|entry| entry.0 <= *key));
        let Some(at) = behind.checked_sub(1) else {
            return Err((0, 0));
        };
        match self.chunks[at].binary_search_by(|entry| entry.0.cmp(key)) {
            Ok(within) => Ok((at, within)),
            Err(within) => Err((at, within)),
        }
    }

    fn value_mut(&mut self, (at, within): (usize, usize)) -> &mut V {
        let chunk = Arc::make_mut(&mut self.chunks[at]);
        &mut Arc::make_mut(&mut chunk[within]).1
    }

    /// Puts a new entry where [`Self::find`] says, and says where it has come to stand.
    fn put(&mut self, (at, within): (usize, usize), key: K, value: V) -> (usize, usize) {
        let entry = Arc::new((key, value));
        if self.chunks.is_empty() {
            self.chunks.push(Arc::new(vec![entry]));
            return (0, 0);
        }
        let chunk = Arc::make_mut(&mut self.chunks[at]);
        chunk.insert(within, entry);
        if chunk.len() <= CHUNK {
            return (at, within);
        }
        let rest = chunk.split_off(CHUNK / 2);
        self.chunks.insert(at + 1, Arc::new(rest));
        if within < CHUNK / 2 {
            (at, within)
        } else {
            (at + 1, within - CHUNK / 2)
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let (at, within) = self.find(key).ok()?;
        Some(&self.chunks[at][within].1)
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
        let (at, within) = self.find(key).ok()?;
        let chunk = Arc::make_mut(&mut self.chunks[at]);
        let entry = chunk.remove(within);
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
        Some(Arc::unwrap_or_clone(entry).1)
    }

    /// Keeps the entries that are wanted.
    pub fn retain(&mut self, mut wanted: impl FnMut(&K, &V) -> bool) {
        for chunk in &mut self.chunks {
            let keep: Vec<bool> = chunk
                .iter()
                .map(|entry| wanted(&entry.0, &entry.1))
                .collect();
            if keep.contains(&false) {
                let mut keep = keep.into_iter();
                Arc::make_mut(chunk).retain(|_| keep.next().unwrap_or(true));
            }
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
    }

    /// Every value, to be changed. What is shared is copied, so look before you ask for it.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.chunks
            .iter_mut()
            .flat_map(|chunk| Arc::make_mut(chunk).iter_mut())
            .map(|entry| &mut Arc::make_mut(entry).1)
    }

    /// The values that `wanted` takes, to be changed; nothing else is copied.
    pub fn values_mut_if(&mut self, wanted: impl Fn(&V) -> bool) -> impl Iterator<Item = &mut V> {
        let touched: Vec<bool> = self
            .chunks
            .iter()
            .map(|chunk| chunk.iter().any(|entry| wanted(&entry.1)))
            .collect();
        self.chunks
            .iter_mut()
            .zip(touched)
            .filter(|(_, touched)| *touched)
            .flat_map(|(chunk, _)| Arc::make_mut(chunk).iter_mut())
            .filter(move |entry| wanted(&entry.1))
            .map(|entry| &mut Arc::make_mut(entry).1)
    }
}

impl<K, V> Map<K, V> {
    /// Every entry, by key.
    pub fn iter(&self) -> Entries<'_, K, V> {
        Entries {
            chunks: self.chunks.iter(),
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
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// The entries of a map, by key.
#[derive(Debug)]
pub struct Entries<'a, K, V> {
    chunks: std::slice::Iter<'a, Chunk<K, V>>,
    within: std::slice::Iter<'a, Arc<(K, V)>>,
}

impl<'a, K, V> Iterator for Entries<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.within.next() {
                return Some((&entry.0, &entry.1));
            }
            self.within = self.chunks.next()?.iter();
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
        Self { chunks: Vec::new() }
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
            for (map, model) in copies {
                prop_assert_eq!(map.len(), model.len());
                prop_assert!(map.iter().eq(model.iter()));
                prop_assert!(map.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK));
            }
        }
    }

    #[test]
    fn a_change_copies_only_what_it_touches() {
        let map: Map<u32, String> = (0..1000).map(|n| (n, n.to_string())).collect();
        let mut copy = map.clone();
        copy.insert(500, "changed".to_owned());
        let shared = map
            .chunks
            .iter()
            .zip(&copy.chunks)
            .filter(|(one, other)| Arc::ptr_eq(one, other))
            .count();
        assert_eq!(shared, map.chunks.len() - 1);
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

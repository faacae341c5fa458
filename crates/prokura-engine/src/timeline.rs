use std::{hash::Hash, sync::Arc};

use papaya::{HashMap, HashMapBuilder};
use prokura_model::Revision;

use crate::{guard::Guard, hash::NameHash};

/// A value as a timeline keeps it: the revision that gave it, and none where it was taken away.
type Kept<T> = (Revision, Option<Arc<T>>);

/// The values that one thing has had. The newest is what mostly is seen, and is one step nearer.
#[derive(Debug)]
pub(crate) struct Timeline<T> {
    newest: Kept<T>,
    /// Oldest first.
    older: Box<[Kept<T>]>,
}

impl<T> Timeline<T> {
    fn at(&self, revision: Revision) -> Option<(Revision, &Arc<T>)> {
        let (from, value) = if self.newest.0 <= revision {
            &self.newest
        } else {
            let after = self.older.partition_point(|(from, _)| *from <= revision);
            self.older.get(after.checked_sub(1)?)?
        };
        value.as_ref().map(|value| (*from, value))
    }

    fn versions(&self) -> impl Iterator<Item = &Kept<T>> {
        self.older.iter().chain([&self.newest])
    }

    fn written(before: Option<&Self>, revision: Revision, value: Option<Arc<T>>) -> Self {
        let kept = before.into_iter().flat_map(Self::versions).filter(|(from, _)| *from < revision);
        Self { older: kept.cloned().collect(), newest: (revision, value) }
    }

    /// Without the versions that no revision from the horizon on sees; none if nothing is left.
    fn collected(&self, horizon: Revision) -> Option<Self> {
        let seen_last = self.versions().take_while(|(from, _)| *from <= horizon).count().saturating_sub(1);
        let taken_away = |(from, value): &&Kept<T>| *from <= horizon && value.is_none();
        let mut kept: Vec<Kept<T>> = self.versions().skip(seen_last).skip_while(taken_away).cloned().collect();
        let newest = kept.pop()?;
        Some(Self { newest, older: kept.into_boxed_slice() })
    }
}

/// A value, the revision that gave it, and what it is of; none where it was taken away.
pub(crate) struct Version<K, T> {
    pub(crate) key: K,
    pub(crate) from: Revision,
    pub(crate) value: Option<Arc<T>>,
}

/// Timelines by name.
pub(crate) struct Register<K, T> {
    timelines: HashMap<K, Timeline<T>, NameHash>,
}

impl<K: Hash + Eq + Clone + Ord, T> Register<K, T> {
    pub(crate) fn new(timelines: HashMapBuilder<K, Timeline<T>>) -> Self {
        Self { timelines: timelines.hasher(NameHash::new()).build() }
    }

    /// The value that this revision sees, and the revision that gave it.
    pub(crate) fn at<'g>(
        &'g self,
        key: &K,
        revision: Revision,
        guard: &'g Guard<'_>,
    ) -> Option<(Revision, &'g Arc<T>)> {
        self.timelines.get(key, &guard.maps)?.at(revision)
    }

    /// Every value that this revision sees, by name.
    pub(crate) fn all(&self, revision: Revision, guard: &Guard<'_>) -> Vec<(K, Arc<T>)> {
        let seen = self.timelines.iter(&guard.maps).filter_map(|(key, timeline)| Some((key, timeline.at(revision)?.1)));
        let mut all: Vec<(K, Arc<T>)> = seen.map(|(key, value)| (key.clone(), Arc::clone(value))).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// Every version that a revision from the horizon to this one sees; those of one thing in ascending order.
    pub(crate) fn versions(&self, horizon: Revision, at: Revision, guard: &Guard<'_>) -> Vec<Version<K, T>> {
        let mut all = Vec::new();
        for (key, timeline) in self.timelines.iter(&guard.maps) {
            let seen = timeline.collected(horizon);
            let seen = seen.iter().flat_map(Timeline::versions).filter(|(from, _)| *from <= at);
            all.extend(seen.map(|(from, value)| Version { key: key.clone(), from: *from, value: value.clone() }));
        }
        all
    }

    pub(crate) fn write(&self, key: K, revision: Revision, value: Option<Arc<T>>, guard: &Guard<'_>) {
        let timeline = Timeline::written(self.timelines.get(&key, &guard.maps), revision, value);
        self.timelines.insert(key, timeline, &guard.maps);
    }

    pub(crate) fn collect(&self, key: &K, horizon: Revision, guard: &Guard<'_>) {
        let Some(timeline) = self.timelines.get(key, &guard.maps) else { return };
        match timeline.collected(horizon) {
            Some(kept) => self.timelines.insert(key.clone(), kept, &guard.maps),
            None => self.timelines.remove(key, &guard.maps),
        };
    }
}

//! What became of something that was asked for: the events of one correlation, from every service's own tables, in the order in which one
//! thing led to another.
//!
//! There is no index of stories (decision 011). Events are looked at from the newest back, until the one is found that began the story,
//! and all that can belong to it is younger.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::SignedDuration;
use kernel::Timestamp;
use store::{Life, Store, StoreError, StoryEvent};

use crate::service::Service;
use crate::system::{SystemHandle, SystemSpec};

/// How many events of one service are looked at in one reading.
const STRETCH: u64 = 20_000;

/// How many are looked at for one story, all in all. That takes a few seconds.
const MOST_LOOKED_AT: u64 = 4_000_000;

/// How many events of one service, and of one life, are told.
const MOST_TOLD: usize = 1000;

/// How much older than the beginning of a story everything has to be before nobody looks further back. Events are written in the order of
/// their times but for what was overdue.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// A story.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// What happened, each thing behind what led to it.
    pub told: Vec<Told>,
    /// Whether that is all. It is not when there was too much to look through.
    pub is_whole: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The service.
    pub service: &'static str,
    /// Whether it is a step of a saga.
    pub is_step: bool,
    /// How many things led to it, one through the other.
    pub depth: usize,
    /// The event.
    pub event: StoryEvent,
}

impl Told {
    /// The id under which others name it as their cause, if it was published.
    pub fn id(&self) -> Option<String> {
        self.event.published.map(|(shard, seq)| format!("{}/{shard}/{seq}", self.service))
    }

    /// The saga that it is a step of, as others name that.
    fn saga(&self) -> Option<String> {
        self.is_step.then(|| format!("{}/{}/{}", self.service, self.event.aggregate, self.event.key))
    }

    fn place(&self) -> (&'static str, u64) {
        (self.service, self.event.position)
    }
}

impl SystemHandle {
    /// What became of what was asked for under this correlation: all its events, and the later life of the rows and sagas that were made
    /// by it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn story(&self, correlation: &str) -> Result<Story, StoreError> {
        tell(&self.system.services.0, &*self.system.store, correlation).await
    }
}

impl SystemSpec {
    /// The same, from a store of this system that nobody runs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn story(&self, store: &dyn Store, correlation: &str) -> Result<Story, StoreError> {
        tell(&self.services, store, correlation).await
    }
}

async fn tell(services: &[Service], store: &dyn Store, correlation: &str) -> Result<Story, StoreError> {
    let mut found = Found { all: BTreeMap::new(), is_whole: true };
    look_back(services, store, correlation, &mut found).await?;
    for service in services {
        for life in lives(service, &found, correlation) {
            let events = match &life {
                Born::Row(subject) => store.life(service.name, Life::Row(subject), MOST_TOLD).await?,
                Born::Saga(saga, key) => store.life(service.name, Life::Root(saga, key), MOST_TOLD).await?,
            };
            // Only what was made here is followed: the room that was reserved is older than this story, and has others.
            if events.first().is_some_and(|first| first.meta.correlation == correlation) {
                found.take(service, events);
            }
        }
    }
    Ok(Story { told: in_order(found.all.into_values().collect()), is_whole: found.is_whole })
}

/// What was found so far, by its place.
struct Found {
    all: BTreeMap<(&'static str, u64), Told>,
    is_whole: bool,
}

impl Found {
    fn take(&mut self, service: &Service, events: Vec<StoryEvent>) {
        self.is_whole &= events.len() < MOST_TOLD;
        for event in events {
            let is_step = service.sagas().any(|saga| saga == event.aggregate);
            let told = Told { service: service.name, is_step, depth: 0, event };
            self.all.insert(told.place(), told);
        }
    }
}

/// Something whose life may have begun in a story.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Born {
    Row(String),
    Saga(String, String),
}

fn lives(service: &Service, found: &Found, correlation: &str) -> BTreeSet<Born> {
    let own = found.all.values().filter(|told| told.service == service.name && told.event.meta.correlation == correlation);
    own.filter_map(|told| match &told.event.subject {
        _ if told.is_step => Some(Born::Saga(told.event.aggregate.clone(), told.event.key.clone())),
        Some(subject) => Some(Born::Row(subject.clone())),
        None => None,
    })
    .collect()
}

/// Finds the events of a correlation, the services in turn, from the newest back.
async fn look_back(services: &[Service], store: &dyn Store, correlation: &str, found: &mut Found) -> Result<(), StoreError> {
    let mut left: Vec<_> = services.iter().map(|service| (service, u64::MAX, None)).collect();
    let (mut began, mut looked_at) = (None, 0);
    while !left.is_empty() {
        if looked_at >= MOST_LOOKED_AT {
            found.is_whole = false;
            return Ok(());
        }
        for (service, until, latest) in &mut left {
            let stretch = store.story(service.name, correlation, *until, STRETCH, MOST_TOLD).await?;
            looked_at += STRETCH;
            (*until, *latest) = (stretch.from, stretch.latest);
            began = began.into_iter().chain(stretch.events.iter().filter(|event| is_beginning(event)).map(|event| event.at)).min();
            found.take(service, stretch.events);
        }
        left.retain(|(_, until, latest)| *until > 0 && !is_past(began, *latest));
    }
    Ok(())
}

/// Whether an event came of a request, or of the time, and so is the first of its story.
fn is_beginning(event: &StoryEvent) -> bool {
    event.meta.causation.contains(' ') || event.meta.causation == "clock"
}

fn is_past(began: Option<Timestamp>, latest: Option<Timestamp>) -> bool {
    let bound = began.and_then(|began| began.checked_sub(MARGIN).ok());
    bound.zip(latest).is_some_and(|(bound, latest)| latest < bound)
}

/// Each thing behind what led to it, and else by time.
fn in_order(mut all: Vec<Told>) -> Vec<Told> {
    all.sort_by(|one, other| (one.event.at, one.place()).cmp(&(other.event.at, other.place())));
    let published: HashMap<_, _> = all.iter().enumerate().filter_map(|(at, told)| Some((told.id()?, at))).collect();
    let mut begun: HashMap<String, usize> = HashMap::new();
    for (at, told) in all.iter().enumerate() {
        if let Some(saga) = told.saga().filter(|_| told.event.version == 1) {
            begun.insert(saga, at);
        }
    }
    let causes: Vec<Vec<usize>> = all
        .iter()
        .enumerate()
        .map(|(at, told)| {
            let causation = &told.event.meta.causation;
            let mut causes: Vec<_> = published.get(causation).copied().into_iter().collect();
            if let Some(beginning) = begun.get(causation).filter(|beginning| **beginning != at) {
                causes.push(*beginning);
                // What a saga did elsewhere comes before what it then did at home.
                if causation.starts_with(&format!("{}/", told.service)) {
                    let elsewhere = all.iter().enumerate().filter(|(_, other)| {
                        other.service != told.service && other.event.meta.causation == *causation && other.event.at <= told.event.at
                    });
                    causes.extend(elsewhere.map(|(at, _)| at));
                }
            }
            causes
        })
        .collect();
    let mut order = Order { causes, depths: vec![None; all.len()], out: Vec::with_capacity(all.len()) };
    (0..all.len()).for_each(|at| order.place(at));
    let Order { depths, out, .. } = order;
    let mut all: Vec<_> = all.into_iter().map(Some).collect();
    let placed = out.into_iter().filter_map(|at| {
        let told = all.get_mut(at)?.take()?;
        Some(Told { depth: depths.get(at).copied().flatten().unwrap_or(0), ..told })
    });
    placed.collect()
}

struct Order {
    causes: Vec<Vec<usize>>,
    /// How deep each stands that is placed.
    depths: Vec<Option<usize>>,
    out: Vec<usize>,
}

impl Order {
    /// Places one behind all its causes. Causes are older, so a circle could come only of data that is broken; it is cut.
    fn place(&mut self, first: usize) {
        let mut stack = vec![(first, false)];
        let mut entered = BTreeSet::new();
        while let Some((at, causes_are_placed)) = stack.pop() {
            if self.depths[at].is_some() {
                continue;
            }
            if !causes_are_placed && entered.insert(at) {
                stack.push((at, true));
                // The last that is pushed is placed first.
                stack.extend(self.causes[at].iter().rev().filter(|cause| self.depths[**cause].is_none()).map(|cause| (*cause, false)));
            } else if causes_are_placed {
                // The first of its causes is the direct one.
                let above = self.causes[at].first().and_then(|cause| self.depths[*cause]);
                self.depths[at] = Some(above.map_or(0, |above| above + 1));
                self.out.push(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use store::Meta;

    use super::*;

    /// Service, aggregate, version, second, causation, and the number in the feed of one that is published.
    type Happened = (&'static str, &'static str, u64, i64, &'static str, Option<u64>);

    fn told((service, aggregate, version, second, causation, seq): Happened) -> Told {
        let meta = Meta { correlation: "story".into(), causation: causation.into(), caller: "person:7".into(), trace: None };
        let event = StoryEvent {
            position: version,
            aggregate: aggregate.into(),
            key: "1".into(),
            version,
            at: Timestamp::from_second(second).unwrap(),
            data: "{}".into(),
            subject: None,
            published: seq.map(|seq| (0, seq)),
            meta,
        };
        Told { service, is_step: aggregate == "start-meeting", depth: 0, event }
    }

    #[track_caller]
    fn check(happened: &[Happened], expected: &[&str]) {
        let placed = in_order(happened.iter().map(|one| told(*one)).collect());
        let line = |told: &Told| format!("{}{} {}", ">".repeat(told.depth), told.event.aggregate, told.event.version);
        assert_eq!(placed.iter().map(line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_was_led_to_stands_behind_what_led_to_it_whatever_the_clocks_say() {
        check(
            &[
                ("room", "room", 5, 10, "reserve/0/9", None),
                ("reserve", "calendar", 2, 10, "POST /reserves", Some(9)),
                ("conference", "conference", 1, 9, "reserve/0/9", Some(1)),
                ("reserve", "calendar", 3, 12, "conference/0/1", None),
            ],
            &["calendar 2", ">conference 1", ">room 5", ">>calendar 3"],
        );
    }

    #[test]
    fn what_a_saga_did_elsewhere_stands_between_its_beginning_and_its_end() {
        let saga = "conference/start-meeting/1";
        check(
            &[
                ("conference", "start-meeting", 1, 10, "POST /conferences", None),
                ("conference", "conference", 2, 10, saga, Some(1)),
                ("conference", "start-meeting", 3, 10, saga, None),
                ("reserve", "calendar", 4, 10, saga, Some(7)),
                ("room", "room", 5, 10, "reserve/0/7", None),
                // It turned round before what it did elsewhere was undone.
                ("conference", "start-meeting", 6, 11, saga, None),
                ("reserve", "calendar", 7, 12, saga, None),
            ],
            &["start-meeting 1", ">calendar 4", ">conference 2", ">start-meeting 3", ">>room 5", ">start-meeting 6", ">calendar 7"],
        );
    }

    #[test]
    fn a_circle_is_cut() {
        check(&[("a", "a", 1, 1, "b/0/1", Some(1)), ("b", "b", 1, 1, "a/0/1", Some(1))], &["b 1", ">a 1"]);
    }

    #[test]
    fn nobody_looks_further_back_than_an_hour_before_the_beginning() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        assert!(is_past(at(10_000), at(6_399)));
        assert!(!is_past(at(10_000), at(6_400)));
        assert!(!is_past(None, at(0)));
        // Nothing that was looked at tells a time: all of it is forgotten.
        assert!(!is_past(at(10_000), None));
    }
}

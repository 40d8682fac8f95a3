//! The deciding half of a transaction: pure, synchronous, and the same for every store.

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use kernel::{Command, Commands, Refused, RowChange, Timestamp, misread};
use store::{
    FeedEvent, LineKey, Loaded, Meta, NewEvent, NewHistory, NewPublished, Parked, Position, PositionKey, Record, RecordKey, RootKey,
    RootWrite, RowKey, RowWrite, SequenceKey, Shard, Writes, cells,
};

use super::prepare::{Prepared, consumer_name, position_key, record_key};
use super::reaction::{Heard, Reaction};
use super::roots::{Cache, Root};
use super::work::{Act, Answer, ClientKey, ClientRecord, ConsumerKind, Discard, Done, Handle, Ids, KeyUse, Purpose, Work};
use crate::erased::Applied;
use crate::service::{ProjectionEntry, Service, Services};
use crate::sharding::shard_of;

/// A snapshot is written when at least so many events have come since the last one.
const SNAPSHOT_EVERY: u64 = 512;

/// A large state is written more rarely, so that snapshots cost no event more than about this many bytes.
const SNAPSHOT_BYTES: usize = 256;

/// More ticks than this for one root at one instant are a fault of its rules.
const MOST_TICKS: usize = 100_000;

/// How long a call's outcome is remembered. It has to outlive every saga.
pub(crate) const CALLS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long a parked event waits before it is tried again: longer each time, up to an hour.
fn backoff(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(12)).min(Duration::from_secs(3600))
}

/// What deciding came to.
pub(super) struct Decided {
    pub(super) writes: Writes,
    pub(super) done: Vec<Done>,
    /// For each piece of work, which of the events that are published are its own.
    pub(super) published: Vec<Range<usize>>,
    /// The folded roots, which may be cached once the transaction stands.
    pub(super) roots: Vec<(RootKey, Root)>,
    pub(super) tally: Tally,
}

/// How often something was decided: service, kind of aggregate, outcome.
pub(super) type Tally = BTreeMap<(&'static str, &'static str, &'static str), u64>;

/// Why a whole transaction is given up.
pub(super) enum GiveUp {
    /// Something in it cannot be done.
    Fails(String),
    /// The snapshots of these roots do not read: they have to be loaded whole.
    Unreadable(BTreeSet<RootKey>),
}

impl From<String> for GiveUp {
    fn from(why: String) -> Self {
        Self::Fails(why)
    }
}

/// Decides works in their order. An error gives the whole transaction up.
pub(super) fn decide(
    services: &Services,
    works: &[&(&'static str, Work)],
    prepared: &[Prepared],
    loaded: Loaded,
    cache: &mut Cache,
    now: Timestamp,
) -> Result<Decided, GiveUp> {
    let mut transaction = Transaction::new(services, loaded, cache, now)?;
    let (mut done, mut published) = (Vec::with_capacity(works.len()), Vec::with_capacity(works.len()));
    for ((service, work), prepared) in works.iter().zip(prepared) {
        let first = transaction.published;
        let service = services.get(service).ok_or_else(|| format!("there is no service {service} here"))?;
        done.push(match (work, prepared) {
            (Work::Act(act), _) => transaction.act(service, act)?,
            (Work::Tick(root), _) => transaction.wake(root)?,
            (Work::Handle(handle), Prepared::Plain) => transaction.handle(service, handle)?,
            (Work::Retry(parked), Prepared::Again(again)) => transaction.retry(service, parked, again)?,
            (Work::Discard(discard), _) => transaction.discard(discard),
            (Work::Handle(_), Prepared::Gone) => Done::Gone,
            (Work::Handle(_), Prepared::Again(_)) | (Work::Retry(_), Prepared::Plain | Prepared::Gone) => {
                return Err(GiveUp::Fails("events were not prepared".into()));
            }
        });
        published.push(first..transaction.published);
    }
    Ok(transaction.finish(done, published)?)
}

/// The last number taken of each collection.
type Taken = HashMap<&'static str, u64>;

struct Transaction<'a> {
    services: &'a Services,
    now: Timestamp,
    /// What was found, kept up to date with what is decided.
    loaded: Loaded,
    roots: HashMap<RootKey, Root>,
    // These are walked when everything is written, in an order that must be the same in every run of a simulation.
    changed_roots: BTreeSet<RootKey>,
    changed_positions: BTreeSet<PositionKey>,
    changed_sequences: BTreeSet<SequenceKey>,
    /// Where each row's write stands in `writes`, so that a row is written once however often it changes.
    row_writes: HashMap<RowKey, usize>,
    /// How many of the events in `writes` are published.
    published: usize,
    writes: Writes,
    tally: Tally,
}

impl<'a> Transaction<'a> {
    fn new(services: &'a Services, mut loaded: Loaded, cache: &mut Cache, now: Timestamp) -> Result<Self, GiveUp> {
        let mut roots = HashMap::new();
        let mut unreadable = BTreeSet::new();
        for (key, found) in std::mem::take(&mut loaded.roots) {
            let kind = services.get(key.service).and_then(|service| service.kind(key.aggregate));
            let kind = kind.ok_or_else(|| format!("there is no {} in {}", key.aggregate, key.service))?;
            match Root::bring_up(kind, &key, cache.take(&key), found)? {
                Some(root) => drop(roots.insert(key, root)),
                None => drop(unreadable.insert(key)),
            }
        }
        if !unreadable.is_empty() {
            return Err(GiveUp::Unreadable(unreadable));
        }
        Ok(Self {
            services,
            now,
            loaded,
            roots,
            changed_roots: BTreeSet::new(),
            changed_positions: BTreeSet::new(),
            changed_sequences: BTreeSet::new(),
            row_writes: HashMap::new(),
            published: 0,
            writes: Writes::default(),
            tally: Tally::default(),
        })
    }

    fn finish(mut self, done: Vec<Done>, published: Vec<Range<usize>>) -> Result<Decided, String> {
        for key in &self.changed_roots {
            let Some(root) = self.roots.get_mut(key) else { continue };
            let snapshot = if root.unsnapped >= SNAPSHOT_EVERY.max((root.snapshot_length / SNAPSHOT_BYTES) as u64) {
                let snapshot = root.state.snapshot()?;
                root.unsnapped = 0;
                root.snapshot_length = snapshot.len();
                Some(snapshot)
            } else {
                None
            };
            let at = root.at.unwrap_or(self.now);
            self.writes.roots.push(RootWrite { root: key.clone(), version: root.version, at, wake_at: root.state.wake_at(), snapshot });
        }
        for key in self.changed_positions {
            let position = self.loaded.positions.get(&key).copied().unwrap_or_default();
            self.writes.positions.push((key, position));
        }
        for key in self.changed_sequences {
            let last = self.loaded.sequences.get(&key).copied().unwrap_or_default();
            self.writes.sequences.push((key, last));
        }
        Ok(Decided { writes: self.writes, done, published, roots: self.roots.into_iter().collect(), tally: self.tally })
    }

    /// Commands of a client, a call or a saga.
    fn act(&mut self, service: &Service, act: &Act) -> Result<Done, String> {
        if act.deadline.is_some_and(|deadline| deadline < self.now) {
            return Ok(Done::Expired);
        }
        let record_key = record_key(service.name, act);
        let record = record_key.as_ref().and_then(|key| self.loaded.records.get(key)).map(|record| record.value.clone());
        match &act.purpose {
            Purpose::Client { key, status, shows } => self.client_act(service, act, key, *status, *shows, record_key, record),
            Purpose::Keep(kept) => self.keep_act(&kept.0, &kept.1, record_key, record),
            Purpose::Call { key, reply } => self.call_act(service, act, key, reply, record_key, record),
            Purpose::Begin { key } => self.begin_act(service, act, key, record_key, record),
            Purpose::End { record: ended, .. } => self.end_act(service, act, ended, record_key, record),
            Purpose::Recall { .. } => self.recall_act(record_key, record),
            Purpose::Cancel { withdraw, .. } => self.cancel_act(service, act, withdraw, record_key, record),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "each is one fact of the act")]
    fn client_act(
        &mut self,
        service: &Service,
        act: &Act,
        key: &KeyUse,
        status: u16,
        shows: Option<&'static str>,
        record_key: Option<RecordKey>,
        record: Option<String>,
    ) -> Result<Done, String> {
        if let (KeyUse::Take(key) | KeyUse::Bind(key), Some(record)) = (key, record) {
            return answered(key, &record);
        }
        if !self.is_as_expected(service, act)? {
            return Ok(Done::Changed);
        }
        let accepted = match self.commands(service, act)? {
            Ok(accepted) => accepted,
            Err(refused) => return Ok(Done::Refused(refused)),
        };
        let answer = Answer::of(status, shows, &accepted.rows, accepted.at);
        let keep = match key {
            KeyUse::None => return Ok(Done::Accepted(answer)),
            KeyUse::Take(key) | KeyUse::Finish(key) => Some(ClientRecord::of(key, Some(&answer))),
            KeyUse::Bind(key) => Some(ClientRecord::of(key, None)),
            KeyUse::Free(_) => None,
        };
        self.keep(record_key, keep)?;
        Ok(Done::Accepted(answer))
    }

    /// Whoever took the key meanwhile was answered first.
    fn keep_act(
        &mut self,
        key: &ClientKey,
        answer: &Answer,
        record_key: Option<RecordKey>,
        record: Option<String>,
    ) -> Result<Done, String> {
        if let Some(record) = record {
            return answered(key, &record);
        }
        self.keep(record_key, Some(ClientRecord::of(key, Some(answer))))?;
        Ok(Done::Accepted(answer.clone()))
    }

    /// Whether the row that an act is about is what its client expects, once all that fell due has happened.
    fn is_as_expected(&mut self, service: &Service, act: &Act) -> Result<bool, String> {
        let Some(expected) = &act.expected else { return Ok(true) };
        for root in &act.roots {
            self.tick(root)?;
        }
        Ok(expected.holds_of(self.row(&expected.key(service.name)), self.now))
    }

    fn keep(&mut self, key: Option<RecordKey>, content: Option<impl serde::Serialize>) -> Result<(), String> {
        let Some(key) = key else { return Ok(()) };
        let record = content
            .map(|content| serde_json::to_string(&content).map(|value| Record { at: self.now, value }))
            .transpose()
            .map_err(|error| error.to_string())?;
        match &record {
            Some(record) => self.loaded.records.insert(key.clone(), record.clone()),
            None => self.loaded.records.remove(&key),
        };
        self.writes.records.push((key, record));
        Ok(())
    }

    /// The next number of a collection, when these were taken already.
    fn next(sequences: &HashMap<SequenceKey, u64>, service: &Service, taken: &mut Taken, name: &'static str) -> u64 {
        let last = || sequences.get(&SequenceKey { service: service.name, name }).copied().unwrap_or_default();
        let id = taken.entry(name).or_insert_with(last);
        *id += 1;
        *id
    }

    /// Numbers that were taken are not given again.
    fn took(&mut self, service: &Service, taken: Taken) {
        for (name, last) in taken {
            let key = SequenceKey { service: service.name, name };
            self.loaded.sequences.insert(key.clone(), last);
            self.changed_sequences.insert(key);
        }
    }

    /// Makes and decides an act's commands. Ids that were taken for commands that are refused are given again.
    fn commands(&mut self, service: &Service, act: &Act) -> Result<Result<Accepted, Refused>, String> {
        // Verifying compares the counters of those that are declared, and must not miss one.
        if let Some(name) = act.sequences.iter().find(|name| !service.counts(name)) {
            return Err(format!("{} does not count {name}", service.name));
        }
        let mut taken = Taken::new();
        let commands = (act.make)(&mut Ids { last: &mut |name| Self::next(&self.loaded.sequences, service, &mut taken, name) });
        let mut result = self.accept(service, &commands, &act.meta)?;
        if let (Ok(accepted), Some(then)) = (&mut result, &act.then) {
            let state = accepted.root.as_ref().and_then(|key| self.roots.get(key)).ok_or("nothing that something could follow from")?;
            let following = then(state.state.as_any(), accepted.at);
            // The first are decided and taken in; the rest cannot be refused without undoing them.
            let more = self.accept(service, &following, &act.meta)?;
            let more = more.map_err(|refused| format!("what follows from a command was refused: {refused}"))?;
            accepted.rows.extend(more.rows);
            accepted.root = more.root;
        }
        if result.is_ok() {
            self.took(service, taken);
        }
        Ok(result)
    }

    /// Decides a policy's commands, to aggregates that get their numbers now among them.
    fn numbered(&mut self, service: &Service, commands: &Commands, meta: &Meta) -> Result<Result<Accepted, Refused>, String> {
        if commands.unnumbered().is_empty() {
            return self.accept(service, commands, meta);
        }
        let mut taken = Taken::new();
        let mut all: Vec<_> = commands.into_iter().cloned().collect();
        for new in commands.unnumbered() {
            if !service.counts(new.collection) {
                return Err(format!("{} does not count {}", service.name, new.collection));
            }
            all.push(new.numbered(Self::next(&self.loaded.sequences, service, &mut taken, new.collection)));
        }
        let result = self.accept(service, &all.into_iter().collect(), meta)?;
        if result.is_ok() {
            self.took(service, taken);
        }
        Ok(result)
    }

    /// Decides commands on the state before all of them, and takes their events in only when all are accepted.
    fn accept(&mut self, service: &Service, commands: &Commands, meta: &Meta) -> Result<Result<Accepted, Refused>, String> {
        let mut decided = Vec::new();
        let mut seen = HashSet::new();
        let mut at = self.now;
        for Command { aggregate, key, command } in commands {
            let begin = service.sagas.iter().find(|saga| saga.name == *aggregate).and_then(|saga| saga.begin(&**command, meta));
            let command = begin.as_ref().unwrap_or(command);
            let key = RootKey { service: service.name, aggregate, key: key.clone() };
            if !seen.insert(key.clone()) {
                return Err(format!("two commands at once to {key:?}"));
            }
            self.tick(&key)?;
            let root = self.root(service, &key)?;
            let root_at = root.at.map_or(self.now, |last| last.max(self.now));
            at = at.max(root_at);
            match self.roots[&key].state.decide(&**command, root_at) {
                Ok(events) => decided.push((key, events, root_at)),
                Err(refused) => {
                    *self.tally.entry((service.name, key.aggregate, "refused")).or_default() += 1;
                    return Ok(Err(refused));
                }
            }
        }
        let mut accepted = Accepted { root: None, rows: Vec::new(), at };
        for (key, events, at) in decided {
            *self.tally.entry((service.name, key.aggregate, "accepted")).or_default() += 1;
            for event in events {
                let rows = self.apply(&key, &event, at, meta)?;
                accepted.rows.extend(rows);
            }
            accepted.root = Some(key);
        }
        Ok(Ok(accepted))
    }

    /// The root, which is a fresh one when only a new id names it.
    fn root(&mut self, service: &Service, key: &RootKey) -> Result<&mut Root, String> {
        if !self.roots.contains_key(key) {
            let kind = service.kind(key.aggregate).ok_or_else(|| format!("there is no {} in {}", key.aggregate, key.service))?;
            self.roots.insert(key.clone(), Root::fresh(kind));
        }
        self.roots.get_mut(key).ok_or_else(|| format!("{key:?} is not there"))
    }

    /// Lets happen what a root is woken for. One to which nothing happens has another instant by now, as the rules of this release have it, and
    /// would be due for ever by the one that stands written.
    fn wake(&mut self, key: &RootKey) -> Result<Done, String> {
        let done = self.tick(key)?;
        if self.roots.get(key).is_some_and(|root| root.version > 0) {
            self.changed_roots.insert(key.clone());
        }
        Ok(done)
    }

    /// Lets everything happen that is due by now, each thing at the instant at which it was due (or now, where that is meant).
    fn tick(&mut self, key: &RootKey) -> Result<Done, String> {
        for _ in 0..MOST_TICKS {
            let Some(root) = self.roots.get(key) else { return Ok(Done::Ticked) };
            let Some(due) = root.state.wake_at().filter(|due| *due <= self.now) else { return Ok(Done::Ticked) };
            let met = if root.state.replays_time() { due } else { self.now };
            let at = root.at.map_or(met, |last| last.max(met));
            let events = root.state.tick(at);
            if events.is_empty() {
                return Err(format!("{key:?} wants to be woken at {due} and then does nothing"));
            }
            let meta = Meta {
                correlation: format!("{}/{}/{}/{}", key.service, key.aggregate, key.key, root.version),
                causation: "clock".into(),
                caller: kernel::Caller::clock().to_string(),
                trace: None,
            };
            for event in events {
                self.apply(key, &event, at, &meta)?;
            }
        }
        Err(format!("{key:?} never comes to rest"))
    }

    /// Takes one event into its root, its rows, and what is written.
    fn apply(&mut self, key: &RootKey, event: &crate::erased::AnyEvent, at: Timestamp, meta: &Meta) -> Result<Vec<RowChange>, String> {
        let root = self.roots.get_mut(key).ok_or_else(|| format!("{key:?} is not there"))?;
        let Applied { data, left } = root.state.apply(&key.key, event, at)?;
        if !self.changed_roots.contains(key) {
            self.changed_roots.insert(key.clone());
        }
        root.version += 1;
        root.unsnapped += 1;
        root.at = Some(at);
        let version = root.version;
        self.published += usize::from(left.published.is_some());
        for change in &left.rows {
            self.put_own_row(key.service, change);
        }
        self.writes.events.push(NewEvent {
            root: key.clone(),
            version,
            at,
            data,
            subject: left.rows.first().map(|change| format!("{}/{}", change.collection, change.id)),
            meta: meta.clone(),
            published: left.published.map(|data| NewPublished { shard: shard_of(&key.key), data }),
        });
        Ok(left.rows)
    }

    fn put_own_row(&mut self, service: &'static str, change: &RowChange) {
        let fields = self.services.get(service).map_or(&[][..], |service| service.fields(change.collection));
        let row = RowKey { service, table: change.collection.into(), id: change.id };
        self.put_row(row, fields, change.row.clone());
    }

    /// The row as this transaction leaves it so far.
    fn row(&self, key: &RowKey) -> Option<&str> {
        let json = match self.row_writes.get(key).and_then(|index| self.writes.rows.get(*index)) {
            Some(changed) => changed.content.as_ref().map(|(_, json)| json),
            None => self.loaded.rows.get(key),
        };
        json.map(String::as_str)
    }

    fn put_row(&mut self, row: RowKey, fields: &[kernel::Field], json: Option<String>) {
        let content = json.map(|json| (cells(fields, &json), json));
        let write = RowWrite { row: row.clone(), content };
        match self.row_writes.get(&row) {
            Some(index) => self.writes.rows[*index] = write,
            None => {
                self.row_writes.insert(row, self.writes.rows.len());
                self.writes.rows.push(write);
            }
        }
    }

    /// Events for a consumer: their effects and its position are one transaction.
    fn handle(&mut self, service: &Service, handle: &Handle) -> Result<Done, String> {
        let consumer = consumer_name(service, &handle.consumer);
        // They are of one source, so a shard has one position, which is looked up and put back once.
        let mut positions: BTreeMap<Shard, (PositionKey, Position)> = BTreeMap::new();
        let done = self.handle_each(service, handle, &consumer, &mut positions);
        for (key, position) in positions.into_values() {
            if self.loaded.positions.insert(key.clone(), position) != Some(position) {
                self.changed_positions.insert(key);
            }
        }
        done
    }

    /// Moves the positions as far as it comes.
    fn handle_each(
        &mut self,
        service: &Service,
        handle: &Handle,
        consumer: &str,
        positions: &mut BTreeMap<Shard, (PositionKey, Position)>,
    ) -> Result<Done, String> {
        let last = handle.events.len().saturating_sub(1);
        for (place, heard) in handle.events.iter().enumerate() {
            let event = &heard.event;
            let (_, position) = positions.entry(event.shard).or_insert_with(|| {
                let key = position_key(service.name, consumer, event);
                let position = self.loaded.positions.get(&key).copied().unwrap_or_default();
                (key, position)
            });
            let begins_epoch = position.epoch > 0 && event.position.epoch > position.epoch;
            match event.position.seq {
                seq if seq <= position.seq && begins_epoch => return Ok(Done::Lost),
                seq if seq <= position.seq => continue,
                seq if seq > position.seq + 1 => return Ok(Done::Gap),
                _ => {}
            }
            let waits = !self.loaded.parked.is_empty()
                && self.loaded.parked.contains(&(service.name, consumer.to_owned(), event.source.clone(), event.key.clone()));
            match handle.park.as_ref().filter(|_| place == last) {
                Some(error) => self.park(service.name, consumer, event, error.clone(), 1),
                None if waits => self.park(service.name, consumer, event, String::new(), 0),
                None => self.take_in(service, &handle.consumer, consumer, heard)?,
            }
            *position = event.position;
        }
        Ok(Done::Handled)
    }

    fn take_in(&mut self, service: &Service, kind: &ConsumerKind, consumer: &str, heard: &Heard) -> Result<(), String> {
        let event = &heard.event;
        match (kind, heard.reaction()?) {
            (ConsumerKind::Policies, Reaction::Policies(reactions)) => {
                for (policy, commands) in reactions {
                    let meta = Meta {
                        correlation: event.meta.correlation.clone(),
                        causation: event.id(),
                        caller: kernel::Caller::Internal(format!("policy:{}/{policy}", service.name)).to_string(),
                        trace: event.meta.trace.clone(),
                    };
                    if let Err(refused) = self.numbered(service, commands, &meta)? {
                        let (event, correlation) = (event.id(), &meta.correlation);
                        tracing::debug!(
                            service = service.name,
                            policy,
                            event,
                            correlation,
                            code = refused.code,
                            "what a policy commanded was refused"
                        );
                    }
                }
                Ok(())
            }
            (ConsumerKind::View(name) | ConsumerKind::Anew(name), Reaction::Rows(rows)) => {
                let view = service.projections.iter().find(|one| one.name == *name).ok_or("no such view")?;
                rows.iter().try_for_each(|id| self.fold_row(service, view, consumer, *id, event))
            }
            _ => Err("events were prepared for another consumer".into()),
        }
    }

    /// One event's part in one row. An event that leaves the row as it was is not part of its history either.
    fn fold_row(&mut self, service: &Service, view: &ProjectionEntry, table: &str, id: u64, event: &Arc<FeedEvent>) -> Result<(), String> {
        let row = RowKey { service: service.name, table: table.into(), id };
        let before = self.row(&row);
        let after = (view.fold)(id, before, &event.data, event.at)?;
        if after.as_deref() == before {
            return Ok(());
        }
        if view.history {
            self.writes.history.push(NewHistory { row: row.clone(), event: Arc::clone(event) });
        }
        self.put_row(row, view.fields, after);
        Ok(())
    }

    fn park(&mut self, service: &'static str, consumer: &str, event: &Arc<FeedEvent>, error: String, tries: u32) {
        self.loaded.parked.insert((service, consumer.into(), event.source.clone(), event.key.clone()));
        let next_at = self.now.checked_add(backoff(tries)).unwrap_or(Timestamp::MAX);
        self.writes.parked.push(Parked { service, consumer: consumer.into(), event: Arc::clone(event), error, tries, next_at });
    }

    /// A parked event once more. Its failure is told by `Err`, upon which it is tried alone and then parked again.
    fn retry(&mut self, service: &Service, parked: &Parked, again: &Heard) -> Result<Done, String> {
        // Whoever else tries it has claimed the line too: one of them finds it gone.
        if !self.take_first(&parked.line(), parked.event.position.seq) {
            return Ok(Done::Gone);
        }
        self.take_in(service, &ConsumerKind::Policies, &parked.consumer, again)?;
        self.writes.unparked.push(parked.clone());
        Ok(Done::Handled)
    }
}

/// Lines of parked events.
impl Transaction<'_> {
    /// Whether this event was the first of its line. Which one comes after it, this transaction does not know.
    fn take_first(&mut self, line: &LineKey, seq: u64) -> bool {
        let is_first = self.loaded.lines.get(line).is_some_and(|first| first.event.position.seq == seq);
        if is_first {
            self.loaded.lines.remove(line);
        }
        is_first
    }

    fn discard(&mut self, discard: &Discard) -> Done {
        if !self.take_first(&discard.line, discard.first) {
            return Done::Gone;
        }
        self.writes.discarded.push((discard.line.clone(), discard.last));
        Done::Handled
    }
}

/// Commands that were accepted.
struct Accepted {
    /// The last aggregate commanded.
    root: Option<RootKey>,
    rows: Vec<RowChange>,
    at: Timestamp,
}

/// The parked event as it is parked again after another failure.
pub(super) fn parked_again(parked: &Parked, error: String, now: Timestamp) -> Parked {
    let tries = parked.tries.saturating_add(1);
    Parked { error, tries, next_at: now.checked_add(backoff(tries)).unwrap_or(Timestamp::MAX), ..parked.clone() }
}

/// What was kept under a client's key, told to whoever asks under it.
fn answered(key: &ClientKey, record: &str) -> Result<Done, String> {
    let record: ClientRecord = read(record)?;
    Ok(match record.answer {
        _ if record.fingerprint != key.fingerprint => Done::KeyReused,
        None => Done::InProgress,
        Some(answer) => Done::Accepted(answer),
    })
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| format!("what was kept under a key cannot be read: {}", misread(&error)))
}

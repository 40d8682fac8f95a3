//! A system to try the mechanisms on. Counters count, ring and break when asked to; a board follows them; a shop sells seats of
//! a pool.

use calls::conformance::{POOL, Pool, Take};
use kernel::{
    Aggregate, Commands, Exposed, Field, Policy, Projection, Published, Refused, RefusedKind, Resource, Rows, Saga, Steps, Timestamp,
};
use runtime::{Service, SystemSpec};
use serde::{Deserialize, Serialize};

pub const TOY: &str = "toy";
pub const COUNTERS: &str = "counters";
pub const BOARD: &str = "board";
pub const SHOP: &str = "shop";

/// A counter takes no more than this.
pub const LIMIT: u64 = 1000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counter {
    pub total: u64,
    rang: Vec<Timestamp>,
    wake: Option<Timestamp>,
    lazy: bool,
}

#[derive(Clone, Debug)]
pub enum Do {
    Add(u64),
    /// Only when the counter stands at this.
    AddAt(u64, u64),
    PanicInDecide,
    PanicInEvolve,
    BreakTheStore,
    /// Wants to ring then, and when `lazy` does nothing when woken.
    Ring {
        at: Timestamp,
        lazy: bool,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Happened {
    Added { n: u64 },
    Poison,
    Broken,
    Armed { at: Timestamp, lazy: bool },
    Rang,
}

#[derive(Debug, thiserror::Error)]
#[error("that is too much")]
pub struct TooMuch;

impl From<TooMuch> for Refused {
    fn from(error: TooMuch) -> Self {
        Self::new(RefusedKind::Conflict, "too-much", error)
    }
}

impl Aggregate for Counter {
    const NAME: &'static str = "counter";
    type Key = u64;
    type Command = Do;
    type Event = Happened;
    type Refusal = TooMuch;

    fn decide(&self, command: Do, _at: Timestamp) -> Result<Vec<Happened>, TooMuch> {
        match command {
            Do::AddAt(total, _) if total != self.total => Err(TooMuch),
            Do::Add(n) | Do::AddAt(_, n) if self.total + n <= LIMIT => Ok(vec![Happened::Added { n }]),
            Do::Add(_) | Do::AddAt(..) => Err(TooMuch),
            Do::PanicInDecide => panic!("a rule panics while it decides"),
            Do::PanicInEvolve => Ok(vec![Happened::Poison]),
            Do::BreakTheStore => Ok(vec![Happened::Broken]),
            Do::Ring { at, lazy } => Ok(vec![Happened::Armed { at, lazy }]),
        }
    }

    fn evolve(&mut self, event: &Happened, at: Timestamp) {
        match event {
            Happened::Added { n } => self.total += n,
            Happened::Poison => panic!("a rule panics while it evolves"),
            Happened::Broken => {}
            Happened::Armed { at, lazy } => (self.wake, self.lazy) = (Some(*at), *lazy),
            Happened::Rang => {
                self.rang.push(at);
                self.wake = None;
            }
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake
    }

    fn tick(&self, _at: Timestamp) -> Vec<Happened> {
        if self.lazy { Vec::new() } else { vec![Happened::Rang] }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterRow {
    pub id: u64,
    pub total: u64,
    pub rang: Vec<Timestamp>,
}

impl Resource for CounterRow {
    const COLLECTION: &'static str = COUNTERS;
    const ITEM: &'static str = "counter";
    const FIELDS: &'static [Field] = &[Field::integer("total")];

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "eventType")]
pub enum Counted {
    CounterAdded { id: u64, n: u64 },
}

impl Published for Counted {
    const SERVICE: &'static str = COUNTERS;
}

impl Exposed for Counter {
    type Published = Counted;

    fn rows(&self, key: &u64, event: &Happened, at: Timestamp, rows: &mut Rows) {
        let mut row = CounterRow { id: *key, total: self.total, rang: self.rang.clone() };
        match event {
            Happened::Added { n } => row.total += n,
            // No store takes this id.
            Happened::Broken => row.id = u64::MAX,
            Happened::Rang => row.rang.push(at),
            Happened::Poison | Happened::Armed { .. } => {}
        }
        rows.put(&row);
    }

    fn publish(&self, key: &u64, event: &Happened, _at: Timestamp) -> Option<Counted> {
        match event {
            Happened::Added { n } => Some(Counted::CounterAdded { id: *key, n: *n }),
            Happened::Poison | Happened::Broken | Happened::Armed { .. } | Happened::Rang => None,
        }
    }
}

/// What a counter added, in the order in which the board heard of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    heard: Vec<u64>,
}

#[derive(Clone, Debug)]
pub enum Note {
    Heard(u64),
    PanicInDecide,
    BreakTheStore,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Noted {
    Heard { n: u64 },
    Broken,
}

impl Aggregate for Tally {
    const NAME: &'static str = "tally";
    type Key = u64;
    type Command = Note;
    type Event = Noted;
    type Refusal = TooMuch;

    fn decide(&self, command: Note, _at: Timestamp) -> Result<Vec<Noted>, TooMuch> {
        match command {
            Note::Heard(REFUSED) => Err(TooMuch),
            Note::Heard(n) => Ok(vec![Noted::Heard { n }]),
            Note::PanicInDecide => panic!("a rule panics while it decides"),
            Note::BreakTheStore => Ok(vec![Noted::Broken]),
        }
    }

    fn evolve(&mut self, event: &Noted, _at: Timestamp) {
        match event {
            Noted::Heard { n } => self.heard.push(*n),
            Noted::Broken => {}
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyRow {
    pub id: u64,
    pub heard: Vec<u64>,
}

impl Resource for TallyRow {
    const COLLECTION: &'static str = "tallies";
    const ITEM: &'static str = "tally";
    const FIELDS: &'static [Field] = &[];

    fn id(&self) -> u64 {
        self.id
    }
}

/// What the board publishes: nothing.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "eventType")]
pub enum Silence {}

impl Published for Silence {
    const SERVICE: &'static str = BOARD;
}

impl Exposed for Tally {
    type Published = Silence;

    fn rows(&self, key: &u64, event: &Noted, _at: Timestamp, rows: &mut Rows) {
        match event {
            Noted::Heard { n } => rows.put(&TallyRow { id: *key, heard: [&self.heard[..], &[*n]].concat() }),
            Noted::Broken => rows.put(&TallyRow { id: u64::MAX, heard: Vec::new() }),
        }
    }
}

/// What the board's broken policy cannot take, in three ways, and what it refuses.
pub const PANICS_IN_REACT: u64 = 13;
pub const PANICS_IN_DECIDE: u64 = 14;
pub const BREAKS_THE_STORE: u64 = 15;
pub const REFUSED: u64 = 16;
/// Nobody on the board minds this one.
pub const IGNORED: u64 = 17;

thread_local! {
    /// A bench has one thread, which is no other bench's.
    static REACTIONS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How often the board's policy was asked since the last look.
pub fn reactions() -> usize {
    REACTIONS.take()
}

/// The board's policy, as it should be or with three faults.
pub struct Follow<const MENDED: bool>;

impl<const MENDED: bool> Policy for Follow<MENDED> {
    const NAME: &'static str = "follow";
    type On = Counted;

    fn react(event: &Counted, _at: Timestamp) -> Commands {
        REACTIONS.set(REACTIONS.get() + 1);
        let Counted::CounterAdded { id, n } = event;
        let note = match *n {
            PANICS_IN_REACT if !MENDED => panic!("a rule panics while it reacts"),
            PANICS_IN_DECIDE if !MENDED => Note::PanicInDecide,
            BREAKS_THE_STORE if !MENDED => Note::BreakTheStore,
            IGNORED => return Commands::none(),
            n => Note::Heard(n),
        };
        Commands::to::<Tally>(id, note)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalRow {
    pub id: u64,
    pub total: u64,
}

impl Resource for TotalRow {
    const COLLECTION: &'static str = "totals";
    const ITEM: &'static str = "total";
    const FIELDS: &'static [Field] = &[Field::integer("total")];

    fn id(&self) -> u64 {
        self.id
    }
}

/// The board's view: the totals, times its version.
pub struct Totals<const VERSION: u32, const MENDED: bool>;

impl<const VERSION: u32, const MENDED: bool> Projection for Totals<VERSION, MENDED> {
    const NAME: &'static str = "totals";
    const VERSION: u32 = VERSION;
    type On = Counted;
    type Row = TotalRow;

    fn rows(event: &Counted) -> Vec<u64> {
        let Counted::CounterAdded { id, n } = event;
        if *n == IGNORED { Vec::new() } else { vec![*id] }
    }

    fn fold(id: u64, row: Option<TotalRow>, event: &Counted, _at: Timestamp) -> Option<TotalRow> {
        let Counted::CounterAdded { n, .. } = event;
        assert!(MENDED || *n != PANICS_IN_REACT, "a view's rule panics");
        Some(TotalRow { id, total: row.map_or(0, |row| row.total) + n * u64::from(VERSION) })
    }
}

/// An order of seats. Seven of them bring bad luck.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Order {
    seats: u32,
}

pub const UNLUCKY: u32 = 7;

#[derive(Clone, Debug)]
pub struct Place(pub u32);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Placed {
    seats: u32,
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Key = u64;
    type Command = Place;
    type Event = Placed;
    type Refusal = TooMuch;

    fn decide(&self, Place(seats): Place, _at: Timestamp) -> Result<Vec<Placed>, TooMuch> {
        if seats == UNLUCKY { Err(TooMuch) } else { Ok(vec![Placed { seats }]) }
    }

    fn evolve(&mut self, event: &Placed, _at: Timestamp) {
        self.seats += event.seats;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    pub id: u64,
    pub seats: u32,
}

impl Resource for OrderRow {
    const COLLECTION: &'static str = "orders";
    const ITEM: &'static str = "order";
    const FIELDS: &'static [Field] = &[Field::integer("seats")];

    fn id(&self) -> u64 {
        self.id
    }
}

impl Exposed for Order {
    type Published = Silence;

    fn rows(&self, key: &u64, event: &Placed, _at: Timestamp, rows: &mut Rows) {
        rows.put(&OrderRow { id: *key, seats: event.seats });
    }
}

/// Buys seats: the pool has to give them first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Buy {
    pub order: u64,
    pub seats: u32,
}

impl Saga for Buy {
    const NAME: &'static str = "buy";

    fn steps() -> Steps<Self> {
        Steps::<Self>::new()
            .call::<Take>(|buy| Some(Take { pool: "stalls".into(), seats: buy.seats }), |_, _| {})
            .end(|buy, _at| Commands::to::<Order>(&buy.order, Place(buy.seats)))
    }
}

/// The system with these rules of the board.
pub fn with<F: Policy, V: Projection>() -> SystemSpec {
    of::<F, V>(Service::new(COUNTERS).aggregate::<Counter>().resource::<CounterRow>())
}

/// The system as it should be, with counters that get their ids from it.
pub fn counting() -> SystemSpec {
    of::<Follow<true>, Totals<1, true>>(Service::new(COUNTERS).aggregate::<Counter>().counted::<CounterRow>())
}

fn of<F: Policy, V: Projection>(counters: Service) -> SystemSpec {
    SystemSpec {
        name: TOY,
        services: vec![
            counters,
            Service::new(BOARD).aggregate::<Tally>().resource::<TallyRow>().policy::<F>().projection::<V>(),
            Service::new(SHOP).aggregate::<Order>().counted::<OrderRow>().saga::<Buy>(),
            Service::new(POOL).aggregate::<Pool>().answers::<Take>(),
        ],
    }
}

/// The system as it should be.
pub fn mended() -> SystemSpec {
    with::<Follow<true>, Totals<1, true>>()
}

/// The system with a policy that has faults.
pub fn faulty_policy() -> SystemSpec {
    with::<Follow<false>, Totals<1, true>>()
}

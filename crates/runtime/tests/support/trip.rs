//! A system with everything that sagas can do: a trip takes a seat at home, a place in the pool and, once the traveller has said where to,
//! a fare, which the till has from a bank outside. What was paid for nothing is given back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use calls::conformance::{POOL, Pool, Take};
use calls::{Act, Envelope, Transport};
use futures_util::future::BoxFuture;
use kernel::{
    Aggregate, AnswerBySaga, Call, CallError, Commands, Exposed, Policy, Published, Refused, RefusedKind, Saga, Steps, Timestamp,
};
use runtime::{Port, Service, SystemSpec};
use serde::{Deserialize, Serialize};

use super::toy::{Order, OrderRow, Place, Silence};

pub const TRIPS: &str = "desk";
pub const TILL: &str = "till";
pub const BANK: &str = "bank";

/// The seat at home: one at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seat {
    pub by: Option<u64>,
}

#[derive(Clone, Debug)]
pub enum SeatCommand {
    Sit(u64),
    Stand(u64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SeatEvent {
    Sat(u64),
    Stood,
}

impl Aggregate for Seat {
    const NAME: &'static str = "seat";
    type Key = String;
    type Command = SeatCommand;
    type Event = SeatEvent;
    type Refusal = Refused;

    fn decide(&self, command: SeatCommand, _at: Timestamp) -> Result<Vec<SeatEvent>, Refused> {
        match command {
            SeatCommand::Sit(_) if self.by.is_some() => Err(Refused::new(RefusedKind::Conflict, "seat-taken", "the seat is taken")),
            SeatCommand::Sit(trip) => Ok(vec![SeatEvent::Sat(trip)]),
            SeatCommand::Stand(trip) if self.by == Some(trip) => Ok(vec![SeatEvent::Stood]),
            SeatCommand::Stand(_) => Ok(Vec::new()),
        }
    }

    fn evolve(&mut self, event: &SeatEvent, _at: Timestamp) {
        self.by = match event {
            SeatEvent::Sat(trip) => Some(*trip),
            SeatEvent::Stood => None,
        };
    }
}

impl Exposed for Seat {
    type Published = Silence;
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trip {
    pub id: u64,
    pub places: u32,
    pub fare: u32,
    /// Until when the traveller may say where to; they need not when none is given.
    pub until: Option<Timestamp>,
    pub sat: Option<Timestamp>,
    pub to: Option<String>,
    /// How often the traveller has said so.
    pub told: u32,
}

impl Saga for Trip {
    const NAME: &'static str = "trip";

    fn steps() -> Steps<Self> {
        Steps::<Self>::begin::<Seat>(
            |trip| ("home".into(), SeatCommand::Sit(trip.id)),
            |trip, seat, at| trip.sat = seat.by.map(|_| at),
            |trip| Commands::to::<Seat>(&"home".into(), SeatCommand::Stand(trip.id)),
        )
        .call::<Take>(|trip| Some(Take { pool: "stalls".into(), seats: trip.places }), |_, _| {})
        .wait::<String>(|trip| trip.until, |_| Commands::none(), Self::goes)
        .call::<Fare>(|trip| (trip.fare > 0).then_some(Fare { trip: trip.id, fare: trip.fare, told: trip.told }), |_, ()| {})
        .end(|trip, _at| Commands::to::<Order>(&trip.id, Place(trip.places)))
    }
}

impl Trip {
    fn goes(&mut self, to: String) -> Result<(), Refused> {
        if to.is_empty() {
            return Err(Refused::new(RefusedKind::Invalid, "nowhere", "that is nowhere"));
        }
        self.to = Some(to);
        self.told += 1;
        Ok(())
    }
}

/// A trip as the next release makes it: the traveller also has a place in the lounge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LongerTrip(Trip);

impl Saga for LongerTrip {
    const NAME: &'static str = Trip::NAME;

    fn steps() -> Steps<Self> {
        Steps::<Self>::begin::<Seat>(
            |Self(trip)| ("home".into(), SeatCommand::Sit(trip.id)),
            |Self(trip), seat, at| trip.sat = seat.by.map(|_| at),
            |Self(trip)| Commands::to::<Seat>(&"home".into(), SeatCommand::Stand(trip.id)),
        )
        .call::<Take>(|Self(trip)| Some(Take { pool: "stalls".into(), seats: trip.places }), |_, _| {})
        .wait::<String>(|Self(trip)| trip.until, |_| Commands::none(), |Self(trip), to| trip.goes(to))
        .call::<Fare>(|Self(trip)| (trip.fare > 0).then_some(Fare { trip: trip.id, fare: trip.fare, told: trip.told }), |_, ()| {})
        .call::<Take>(|_| Some(Take { pool: "lounge".into(), seats: 1 }), |_, _| {})
        .end(|Self(trip), _at| Commands::to::<Order>(&trip.id, Place(trip.places)))
    }
}

/// Pay for a trip.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fare {
    pub trip: u64,
    pub fare: u32,
    /// Of several for the same trip.
    pub told: u32,
}

impl Call for Fare {
    const SERVICE: &'static str = TILL;
    const NAME: &'static str = "fare";
    type Reply = ();
}

/// What was paid for one trip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawer {
    pub paid: u32,
}

#[derive(Clone, Debug)]
pub enum DrawerCommand {
    Put(u32),
    Owe,
    Clear,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DrawerEvent {
    Put(u32),
    Owed,
    Cleared,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "eventType")]
pub enum TillEvent {
    Owed { trip: u64, fare: u32 },
}

impl Published for TillEvent {
    const SERVICE: &'static str = TILL;
}

impl Aggregate for Drawer {
    const NAME: &'static str = "drawer";
    type Key = u64;
    type Command = DrawerCommand;
    type Event = DrawerEvent;
    type Refusal = Refused;

    fn decide(&self, command: DrawerCommand, _at: Timestamp) -> Result<Vec<DrawerEvent>, Refused> {
        Ok(match command {
            DrawerCommand::Put(fare) => vec![DrawerEvent::Put(fare)],
            DrawerCommand::Owe if self.paid > 0 => vec![DrawerEvent::Owed],
            DrawerCommand::Clear => vec![DrawerEvent::Cleared],
            DrawerCommand::Owe => Vec::new(),
        })
    }

    fn evolve(&mut self, event: &DrawerEvent, _at: Timestamp) {
        match event {
            DrawerEvent::Put(fare) => self.paid = *fare,
            DrawerEvent::Owed => {}
            DrawerEvent::Cleared => self.paid = 0,
        }
    }
}

impl Exposed for Drawer {
    type Published = TillEvent;

    fn publish(&self, trip: &u64, event: &DrawerEvent, _at: Timestamp) -> Option<TillEvent> {
        matches!(event, DrawerEvent::Owed).then_some(TillEvent::Owed { trip: *trip, fare: self.paid })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Collect {
    asked: Fare,
}

impl Saga for Collect {
    const NAME: &'static str = "collect";

    fn steps() -> Steps<Self> {
        Steps::<Self>::new()
            .call::<Debit>(|one| Some(Debit { fare: one.asked.fare }), |_, ()| {})
            .end(|one, _at| Commands::to::<Drawer>(&one.asked.trip, DrawerCommand::Put(one.asked.fare)))
    }
}

impl AnswerBySaga for Fare {
    type By = Collect;

    fn saga(&self) -> (String, Collect) {
        (format!("{}-{}", self.trip, self.told), Collect { asked: self.clone() })
    }

    fn reply(_ended: &Collect) {}

    fn undo(&self) -> Commands {
        Commands::to::<Drawer>(&self.trip, DrawerCommand::Owe)
    }
}

/// What is owed is given back, by a saga that a rule begins.
pub struct PayBack;

impl Policy for PayBack {
    const NAME: &'static str = "pay-back";
    type On = TillEvent;

    fn react(event: &TillEvent, _at: Timestamp) -> Commands {
        let TillEvent::Owed { trip, fare } = event;
        Commands::begin(trip, GiveBack { trip: *trip, fare: *fare })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GiveBack {
    trip: u64,
    fare: u32,
}

impl Saga for GiveBack {
    const NAME: &'static str = "give-back";

    fn steps() -> Steps<Self> {
        Steps::<Self>::new()
            .insist::<Credit>(|one| Some(Credit { fare: one.fare }), |_, _| {})
            .end(|one, _at| Commands::to::<Drawer>(&one.trip, DrawerCommand::Clear))
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Debit {
    fare: u32,
}

impl Call for Debit {
    const SERVICE: &'static str = BANK;
    const NAME: &'static str = "debit";
    const DEADLINE: std::time::Duration = std::time::Duration::from_millis(200);
    type Reply = ();
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Credit {
    fare: u32,
}

impl Call for Credit {
    const SERVICE: &'static str = BANK;
    const NAME: &'static str = "credit";
    type Reply = ();
}

/// What the bank does when it is asked for something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Obliging,
    Refusing,
    Away,
    /// It does what it is asked, and says nothing.
    Mute,
}

/// A bank that outlives every process.
#[derive(Default)]
pub struct Bank {
    pub mood: Mutex<Mood>,
    /// What was done under which key.
    moved: Mutex<BTreeMap<String, i64>>,
}

impl Bank {
    /// How much it has of the travellers.
    pub fn balance(&self) -> i64 {
        self.moved.lock().unwrap().values().sum()
    }
}

impl Transport for Bank {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        Box::pin(async move {
            let mood = *self.mood.lock().unwrap();
            let fare: i64 = serde_json::from_str::<serde_json::Value>(&envelope.body).unwrap()["fare"].as_i64().unwrap();
            let fare = if envelope.call == "debit" { fare } else { -fare };
            let away = || CallError::Unavailable { service: BANK.into(), why: "closed".into() };
            let no = |code: &str| CallError::Refused(Refused::new(RefusedKind::Conflict, code, "no"));
            if mood == Mood::Away {
                return Err(away());
            }
            let answer = match &envelope.act {
                Act::Do(_) if mood == Mood::Refusing => return Err(no("no-credit")),
                // What was cancelled moves nothing any more.
                Act::Do(key) => match *self.moved.lock().unwrap().entry(key.to_string()).or_insert(fare) {
                    0 => Err(no("cancelled")),
                    _ => Ok("null".to_owned()),
                },
                Act::Recall(key) => match *self.moved.lock().unwrap().entry(key.to_string()).or_insert(0) {
                    0 => Err(no("cancelled")),
                    _ => Ok("null".to_owned()),
                },
                Act::Cancel(key) => {
                    self.moved.lock().unwrap().insert(key.to_string(), 0);
                    Ok("null".to_owned())
                }
            };
            if mood == Mood::Mute && matches!(envelope.act, Act::Do(_)) {
                return std::future::pending().await;
            }
            answer
        })
    }
}

pub fn port(bank: &Arc<Bank>) -> Port {
    Port { name: BANK, door: Arc::clone(bank) as _ }
}

/// The system of this release.
pub fn trips() -> SystemSpec {
    of::<Trip>()
}

/// The system of the next.
pub fn longer_trips() -> SystemSpec {
    of::<LongerTrip>()
}

fn of<S: Saga>() -> SystemSpec {
    SystemSpec {
        name: super::toy::TOY,
        services: vec![
            Service::new(TRIPS).aggregate::<Seat>().aggregate::<Order>().counted::<OrderRow>().saga::<S>(),
            Service::new(POOL).aggregate::<Pool>().answers::<Take>(),
            Service::new(TILL).aggregate::<Drawer>().answers_by_saga::<Fare>().saga::<GiveBack>().policy::<PayBack>(),
        ],
    }
}

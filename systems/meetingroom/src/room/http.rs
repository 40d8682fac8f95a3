//! `/rooms`: adding rooms.

use booking::{DaySlots, OpeningRule};
use edge::contract::{Schema, creates};
use edge::{Incoming, Reply, Routes, Spec, Text, Who, optional, required};
use kernel::Id;
use serde_json::{Value, json};

use super::saga::AddRoom;
use super::views::RoomRow;
use crate::Settings;
use crate::reserve::api::Rules;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, settings: &Settings) -> Routes {
    let settings = settings.clone();
    let add = move |incoming, wanted| add(incoming, wanted, settings.clone());
    let adds = creates::<RoomRow, _, _>("Add a room", meant).refuses(&["already-open"]);
    routes.resource::<RoomRow>(Who::Anyone).post("/rooms", Who::Administrator, adds, add)
}

/// What is said of a room.
fn meant() -> impl Spec<Output = Wanted> {
    (
        required::<Text<40>>("floor").like("3"),
        optional::<Text<200>>("name"),
        optional::<u32>("capacity").within(1..=100_000),
        optional::<String>("openingRule").parse::<OpeningRule>().like("days-ahead:14"),
        optional::<Value>("slots").try_map(slots).described(slots_schema).like("08:00-09:50,10:00-11:50"),
    )
}

type Wanted = (Text<40>, Option<Text<200>>, Option<u32>, Option<OpeningRule>, Option<DaySlots>);

/// Adds a room. Once it is answered it can be reserved.
async fn add(incoming: Incoming, (floor, name, capacity, opening_rule, slots): Wanted, settings: Settings) -> Reply {
    let Settings { zone, grace_minutes, early_minutes } = settings;
    let (slots, opening_rule) = (slots.unwrap_or_default(), opening_rule.unwrap_or_default());
    let rules = Rules { zone, slots, opening_rule, grace_minutes, early_minutes };
    let (name, floor) = (name.map(String::from), String::from(floor));
    let saga = move |id| AddRoom { id: Id::new(id), name: name.clone(), floor: floor.clone(), capacity, rules: rules.clone() };
    incoming.create_by_saga::<RoomRow, AddRoom>(&incoming.caller()?, saga).await
}

/// Slots are a text, `08:00-09:50,10:00-11:50`, or a list of `{start, end}`.
fn slots(value: Value) -> Result<DaySlots, String> {
    match value {
        Value::String(text) => text.parse::<DaySlots>().map_err(|error| error.to_string()),
        list => serde_json::from_value(list).map_err(|_| "must be slots such as 08:00-09:50,10:00-11:50, in order and apart".to_owned()),
    }
}

/// Slots, as they can be written.
fn slots_schema() -> Schema {
    let list = Schema::of::<DaySlots>().into_json();
    let text = json!({"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}(,[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2})*$"});
    json!({"anyOf": [list, text]}).into()
}

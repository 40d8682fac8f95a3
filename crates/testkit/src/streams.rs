//! Whoever follows rows as they change, and comes back when they were cut off.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::app::{Asked, Live, TestApp, Told};

/// How long a row that changes is not told again.
pub const REST: Duration = Duration::from_millis(100);

/// What somebody knows of a collection who was told all of it.
#[derive(Debug, Default)]
pub struct Follower {
    /// The rows by their ids, without links: those are of the moment at which a row is told.
    pub rows: BTreeMap<u64, Value>,
    /// How far they were told.
    mark: Option<String>,
}

impl Follower {
    /// Follows a path from where they were cut off, for so many pieces of the answer.
    pub fn listen(&self, app: &mut TestApp, path: &str, pieces: usize) -> Live {
        let asked = self.mark.iter().fold(Asked::get(path), |asked, mark| asked.header("last-event-id", mark));
        app.listen(asked, pieces)
    }

    /// Takes in what was told.
    ///
    /// # Panics
    /// When that is nothing that a stream tells.
    pub fn hear(&mut self, live: &Live) {
        for Told { id, event, data } in live.events() {
            self.mark = id;
            match event.as_str() {
                "row" => self.rows.extend([by_id(data)]),
                "removed" => drop(self.rows.remove(&by_id(data).0)),
                "reset" => self.rows.clear(),
                "current" => {}
                other => panic!("nobody knows {other}"),
            }
        }
    }
}

/// The rows that a list shows, as a [`Follower`] has them.
///
/// # Panics
/// When there is no such list.
pub fn listed(app: &mut TestApp, collection: &str, query: &str) -> BTreeMap<u64, Value> {
    let page = app.get(&format!("/{collection}?{query}")).expect(200);
    let Some((_, rows)) = page["_embedded"].as_object().and_then(|embedded| embedded.iter().next()) else { panic!("{page} is no list") };
    rows.as_array().into_iter().flatten().cloned().map(by_id).collect()
}

fn by_id(mut row: Value) -> (u64, Value) {
    if let Some(fields) = row.as_object_mut() {
        fields.shift_remove("_links");
    }
    let Some(id) = row["id"].as_u64() else { panic!("{row} has no id") };
    (id, row)
}

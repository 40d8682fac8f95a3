//! A row for the tests of what reads queries and writes answers.

use kernel::{Field, Move, Resource, Timestamp};
use serde::{Deserialize, Serialize};

/// A reservation that can be cancelled as long as it is `Reserved`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reserve {
    id: u64,
    status: String,
}

impl Resource for Reserve {
    const COLLECTION: &'static str = "reserves";
    const ITEM: &'static str = "reserve";
    const FIELDS: &'static [Field] = &[Field::integer("roomId"), Field::text("status"), Field::instant("startsAt")];
    const SAME_AS_ID: &'static [&'static str] = &["reserveNo"];

    fn id(&self) -> u64 {
        self.id
    }

    fn moves(&self, _at: Timestamp) -> Vec<Move> {
        let cancel = Move { name: "cancel", method: "DELETE", path: format!("/reserves/{}", self.id) };
        if self.status == "Reserved" { vec![cancel] } else { Vec::new() }
    }
}

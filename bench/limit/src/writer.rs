//! The one thread that writes: whatever waits is one transaction, and is answered when that is on disk.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use crate::booking::Booking;
use crate::rooms::Room;

/// How much one transaction takes at most, as Yeyak's does.
const BATCH: usize = 256;
/// How much may wait.
const QUEUE: usize = 4096;
/// No slot is longer than a day, so what begins earlier than that before another cannot reach into it: the search for an overlap has an end.
const LONGEST_SLOT: i64 = 24 * 60 * 60 * 1_000_000;

/// Something to be written, and who waits for it.
pub(crate) enum Work {
    /// A booking; its answer is its id and its row.
    Book(Booking, oneshot::Sender<Outcome>),
    /// A room; its answer is its id.
    AddRoom(Room, String, oneshot::Sender<Outcome>),
}

/// The id and the row of what was written, or why it was not.
pub(crate) type Outcome = Result<(i64, String), Refused>;

/// Why something was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The slot is that of this reservation.
    Taken(i64),
    /// The disk would not.
    Failed,
}

/// Starts the thread.
pub(crate) fn start(connection: Connection) -> rusqlite::Result<mpsc::Sender<Work>> {
    let next = |table: &str| connection.query_row(&format!("SELECT coalesce(max(id), 0) + 1 FROM {table}"), [], |row| row.get(0));
    let writer = Writer { next_reserve: next("reserves")?, next_room: next("rooms")?, connection };
    let (sender, receiver) = mpsc::channel(QUEUE);
    spawn(move || writer.run(receiver));
    Ok(sender)
}

#[allow(clippy::disallowed_methods, reason = "the writer is a thread of its own")]
fn spawn(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

struct Writer {
    connection: Connection,
    next_reserve: i64,
    next_room: i64,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Work>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
            let begun = (self.next_reserve, self.next_room);
            let outcomes = self.write(&batch).unwrap_or_else(|_| {
                // Nothing of it stands, so its ids are free again.
                (self.next_reserve, self.next_room) = begun;
                batch.iter().map(|_| Err(Refused::Failed)).collect()
            });
            for (work, outcome) in batch.drain(..).zip(outcomes) {
                let (Work::Book(_, asker) | Work::AddRoom(_, _, asker)) = work;
                // Who has gone away need not be told.
                _ = asker.send(outcome);
            }
        }
    }

    /// Each booking looks for an overlap before it writes anything, so one that is refused leaves nothing to be undone; a failure undoes the batch.
    fn write(&mut self, batch: &[Work]) -> rusqlite::Result<Vec<Outcome>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        {
            let mut overlap = transaction
                .prepare_cached("SELECT id FROM reserves WHERE room = ?1 AND starts > ?2 - ?4 AND starts < ?3 AND ends > ?2 LIMIT 1")?;
            let mut reserve = transaction
                .prepare_cached("INSERT INTO reserves (id, room, starts, ends, user, date, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            let mut publish = transaction.prepare_cached("INSERT INTO outbox (event) VALUES (?1)")?;
            for work in batch {
                match work {
                    Work::Book(booking, _) => {
                        let Booking { user, room, date, starts, ends, .. } = booking;
                        let other = overlap.query_row(params![room, starts, ends, LONGEST_SLOT], |row| row.get::<_, i64>(0)).optional()?;
                        if let Some(other) = other {
                            outcomes.push(Err(Refused::Taken(other)));
                            continue;
                        }
                        let id = self.next_reserve;
                        let row = booking.row(id);
                        reserve.execute(params![id, room, starts, ends, user, date, row])?;
                        publish.execute([booking.event(id)])?;
                        self.next_reserve += 1;
                        outcomes.push(Ok((id, row)));
                    }
                    Work::AddRoom(room, slots, _) => {
                        let id = self.next_room;
                        transaction
                            .prepare_cached("INSERT INTO rooms (id, floor, days_ahead, slots) VALUES (?1, ?2, ?3, ?4)")?
                            .execute(params![id, room.floor, room.days_ahead, slots])?;
                        self.next_room += 1;
                        outcomes.push(Ok((id, String::new())));
                    }
                }
            }
        }
        transaction.commit()?;
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::booking::Wanted;
    use crate::schema;

    fn booking(user: &str, start: &str, end: &str) -> Booking {
        let room = Room { floor: "3".into(), days_ahead: 60_000, slots: "08:00-09:50,09:00-10:00,09:50-11:00".parse().unwrap() };
        let body = format!(r#"{{"userId":"{user}","roomId":1,"date":"2100-01-01","startTime":"{start}","endTime":"{end}"}}"#);
        let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        serde_json::from_str::<Wanted<'_>>(&body).unwrap().booking(&room, &TimeZone::get("Asia/Seoul").unwrap(), now).unwrap()
    }

    fn ask(writer: &mpsc::Sender<Work>, booking: Booking) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        assert!(writer.blocking_send(Work::Book(booking, sender)).is_ok());
        receiver.blocking_recv().unwrap()
    }

    #[test]
    fn what_overlaps_is_refused_and_what_touches_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("limit.sqlite");
        let writer = start(schema::open(&file).unwrap()).unwrap();
        assert_eq!(ask(&writer, booking("1", "08:00", "09:50")).unwrap().0, 1);
        assert_eq!(ask(&writer, booking("2", "08:00", "09:50")), Err(Refused::Taken(1)));
        assert_eq!(ask(&writer, booking("2", "09:00", "10:00")), Err(Refused::Taken(1)));
        assert_eq!(ask(&writer, booking("2", "09:50", "11:00")).unwrap().0, 2);

        // What was answered stands in the file, each with its event, whoever reads it.
        let reader = schema::open_to_read(&file).unwrap();
        let count = |table: &str| reader.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((count("reserves"), count("outbox")), (2, 2));
        assert_eq!(reader.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).unwrap(), "wal");
    }
}

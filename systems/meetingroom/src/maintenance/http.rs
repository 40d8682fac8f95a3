//! `/maintenances`: closing rooms and opening them again.

use edge::contract::{changes, creates};
use edge::{FieldError, Incoming, Problem, Reply, Routes, Spec, Who, optional, required};
use kernel::{Id, Timestamp};

use super::domain::{Command, Maintenance};
use super::saga::BlockRoom;
use super::views::MaintenanceRow;
use crate::Settings;
use crate::room::api::RoomId;

/// The routes of the service.
pub(crate) fn routes(routes: Routes, _settings: &Settings) -> Routes {
    let starts = creates::<MaintenanceRow, _, _>("Close a room", meant).refuses(NOT_CLOSED).or_stands();
    let ends = changes::<MaintenanceRow>("Open a room again").refuses(&["no-such-maintenance"]);
    routes.resource::<MaintenanceRow>(Who::Anyone).post("/maintenances", Who::Administrator, starts, start).delete(
        "/maintenances/{id}",
        Who::Administrator,
        ends,
        end,
    )
}

/// Why reserve does not let a room be closed.
const NOT_CLOSED: &[&str] = &["no-such-room", "empty-period", "under-maintenance", "reserved"];

/// What is said of a room that is to be closed.
fn meant() -> impl Spec<Output = Wanted> {
    (required::<RoomId>("roomId").like(4), optional::<Timestamp>("from"), optional::<Timestamp>("until"))
}

/// Which room, from when on, and until when.
type Wanted = (RoomId, Option<Timestamp>, Option<Timestamp>);

/// Closes a room from now or a given instant on, if reserve finds that nobody has it.
async fn start(incoming: Incoming, (room_id, from, until): Wanted) -> Reply {
    // What was answered under a key before its time was over is answered the same after it, so there the calendar has to say it.
    let now = if incoming.is_keyed() { Timestamp::MIN } else { incoming.at() };
    check_period(from, until, now)?;
    let saga = move |id| BlockRoom { id: Id::new(id), room_id, from, until, blocked: None };
    incoming.create_by_saga::<MaintenanceRow, BlockRoom>(&incoming.caller()?, saga).await
}

/// That a maintenance would end later than it begins, as far as that can be known before the calendar is asked.
fn check_period(from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> Result<(), Problem> {
    let begins = from.map_or(now, |from| from.max(now));
    if until.is_some_and(|until| until <= begins) {
        return Err(Problem::unprocessable(vec![FieldError::new("until", "invalid", "must be later than `from`, and than now")]));
    }
    Ok(())
}

/// Opens the room again, or calls the maintenance off. Doing so twice is harmless.
async fn end(incoming: Incoming, (): ()) -> Reply {
    let row = incoming.row::<MaintenanceRow>().await?;
    incoming.command::<MaintenanceRow, Maintenance>(&incoming.caller()?, &row.id, Command::End).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maintenance_that_would_end_before_it_begins_or_now_is_turned_away_at_the_edge() {
        let minute = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let wrong = |from: Option<i64>, until: Option<i64>| {
            let errors = check_period(from.map(minute), until.map(minute), minute(10)).map_err(|problem| problem.errors.clone());
            errors.err().map(|errors| errors.into_iter().map(|error| error.field).collect::<Vec<_>>())
        };
        let until = Some(vec!["until".to_owned()]);
        assert_eq!(wrong(None, None), None);
        assert_eq!(wrong(Some(20), None), None);
        assert_eq!(wrong(None, Some(11)), None);
        assert_eq!(wrong(Some(5), Some(11)), None);
        assert_eq!(wrong(None, Some(10)), until);
        assert_eq!(wrong(Some(5), Some(10)), until);
        assert_eq!(wrong(Some(20), Some(20)), until);
        assert_eq!(wrong(Some(20), Some(15)), until);
        // Under a key, what is now does not count.
        assert!(check_period(Some(minute(5)), Some(minute(6)), Timestamp::MIN).is_ok());
        assert!(check_period(Some(minute(6)), Some(minute(6)), Timestamp::MIN).is_err());
    }
}

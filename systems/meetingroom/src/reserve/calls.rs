//! How each call becomes a command to a calendar, and what takes it back.

use kernel::Answer;

use super::api::{BlockRoom, CheckUser, OpenCalendar, RoomBlocked, UserChecked};
use super::domain::{Calendar, Command};
use crate::room::api::RoomId;

impl Answer for OpenCalendar {
    type By = Calendar;

    fn command(&self) -> (RoomId, Command) {
        let Self { room_id, name, floor, rules } = self.clone();
        (room_id, Command::Open { name, floor, rules })
    }

    fn reply(&self, _after: &Calendar) {}

    fn undo(&self) -> (RoomId, Command) {
        (self.room_id, Command::Close)
    }
}

impl Answer for CheckUser {
    type By = Calendar;

    fn command(&self) -> (RoomId, Command) {
        let Self { room_id, reserve_id, user_id, conference_id } = self.clone();
        (room_id, Command::Start { reservation: reserve_id, user: user_id, conference: conference_id })
    }

    fn reply(&self, after: &Calendar) -> UserChecked {
        let meeting = after.reservation(self.reserve_id).and_then(|reservation| reservation.meeting.as_deref());
        // An accepted start leaves its meeting in the state; its event is the last there was in any case.
        UserChecked { started_at: meeting.map_or(after.as_of(), |meeting| meeting.since) }
    }

    fn undo(&self) -> (RoomId, Command) {
        (self.room_id, Command::WithdrawStart { reservation: self.reserve_id, conference: self.conference_id })
    }
}

impl Answer for BlockRoom {
    type By = Calendar;

    fn command(&self) -> (RoomId, Command) {
        (self.room_id, Command::Block { maintenance: self.maintenance_id, from: self.from, until: self.until })
    }

    fn reply(&self, after: &Calendar) -> RoomBlocked {
        // An accepted block leaves its period in the state; without one, `from` was the instant of the last event.
        let from = after.blocked(self.maintenance_id).map_or(after.as_of(), |period| period.start());
        RoomBlocked { from, until: self.until }
    }

    fn undo(&self) -> (RoomId, Command) {
        (self.room_id, Command::Unblock { maintenance: self.maintenance_id })
    }
}

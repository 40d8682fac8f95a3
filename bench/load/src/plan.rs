//! Which requests are sent: the n-th is always the same.

use clap::Args;
use jiff::ToSpan as _;
use jiff::civil::Date;

/// How many people there are. It is prime to the number of rooms, so that everybody is in each of them.
const PEOPLE: u64 = 10_007;

#[derive(Args)]
pub(crate) struct Plan {
    /// Reads these paths, one after the other, instead of booking; `{}` in one stands for a number
    #[arg(long)]
    get: Vec<String>,
    /// The path that bookings are sent to
    #[arg(long, default_value = "/reserves")]
    to_path: String,
    /// What is sent, with the names of what differs from one booking to the next
    #[arg(long, default_value = r#"{"userId":"{user}","roomId":{room},"date":"{date}","startTime":"{start}","endTime":"{end}"}"#)]
    body: String,
    /// The numbers go from 1 to this, in an order as good as chance
    #[arg(long, default_value_t = 1)]
    numbers: u64,
    /// The count of the first request
    #[arg(long, default_value_t = 0)]
    pub(crate) begin: u64,
    /// The first room that is booked
    #[arg(long, default_value_t = 1)]
    first_room: u64,
    /// How many rooms are booked, one after the other
    #[arg(long, default_value_t = 1000)]
    rooms: u64,
    /// The slots of their days
    #[arg(long, value_delimiter = ',', default_value = "08:00-09:50,10:00-11:50,13:00-14:50")]
    slots: Vec<String>,
    /// The first date that is booked
    #[arg(long, default_value = "2100-01-01")]
    from: Date,
}

pub(crate) struct Request {
    pub(crate) text: String,
    /// The room that is booked.
    pub(crate) room: u64,
}

impl Plan {
    /// The n-th request: every room's first slot, then every room's second, then the next day.
    pub(crate) fn request(&self, n: u64) -> Request {
        if !self.get.is_empty() {
            let path = &self.get[usize::try_from(n).unwrap_or_default() % self.get.len()];
            return Request { text: get(&path.replace("{}", &number(n, self.numbers).to_string()), ""), room: 0 };
        }
        let (room, turn) = (self.first_room + n % self.rooms, n / self.rooms);
        let slots = self.slots.len() as u64;
        let day = i64::try_from(turn / slots).unwrap_or(i64::MAX);
        let date = self.from.saturating_add(day.days());
        let slot = &self.slots[usize::try_from(turn % slots).unwrap_or_default()];
        let (start, end) = slot.split_once('-').unwrap_or((slot, ""));
        let named = [("{user}", (n % PEOPLE).to_string()), ("{room}", room.to_string()), ("{date}", date.to_string())];
        let slot = [("{start}", start.to_owned()), ("{end}", end.to_owned()), ("{n}", n.to_string())];
        let body = named.iter().chain(&slot).fold(self.body.clone(), |body, (name, value)| body.replace(name, value));
        let (path, length) = (&self.to_path, body.len());
        let text =
            format!("POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
        Request { text, room }
    }

    /// Reads the schedule's row of a room, once it has seen `position`.
    pub(crate) fn read_no_earlier(&self, room: u64, position: &str) -> String {
        get(&format!("/roomTables/{room}"), &format!("Yeyak-Wait-For: {position}\r\n"))
    }
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n")
}

/// A number from 1 to `most`. Those of neighbours lie far apart, so that what is read does not stand on one page of the file.
fn number(n: u64, most: u64) -> u64 {
    1 + n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % most.max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        plan: Plan,
    }

    fn plan(arguments: &[&str]) -> Plan {
        Line::parse_from([&["load"], arguments].concat()).plan
    }

    #[test]
    fn no_slot_is_asked_for_twice() {
        let plan = plan(&["--rooms", "7"]);
        let slot = |n| {
            let text = plan.request(n).text;
            text.split_once("\"roomId\"").unwrap().1.to_owned()
        };
        let slots: HashSet<_> = (0..1000).map(slot).collect();
        assert_eq!(slots.len(), 1000);
    }

    #[test]
    fn a_booking_is_the_same_whoever_counts() {
        let request = plan(&["--rooms", "2", "--first-room", "5", "--from", "2026-12-31"]).request(7);
        assert_eq!(request.room, 6);
        let body = r#"{"userId":"7","roomId":6,"date":"2027-01-01","startTime":"08:00","endTime":"09:50"}"#;
        assert!(request.text.ends_with(&format!("Content-Length: {}\r\n\r\n{body}", body.len())), "{}", request.text);
    }

    #[test]
    fn whatever_is_said_is_sent_with_what_differs_put_in() {
        let body = r#"{"restaurantNo":"{room}","day":"{date}","time":"{start}","customerId":"{n}"}"#;
        let request = plan(&["--rooms", "2", "--from", "2026-12-31", "--to-path", "/tables", "--body", body]).request(7);
        assert!(request.text.starts_with("POST /tables HTTP/1.1\r\n"), "{}", request.text);
        assert!(request.text.ends_with(r#"{"restaurantNo":"2","day":"2027-01-01","time":"08:00","customerId":"7"}"#), "{}", request.text);
    }

    #[test]
    fn numbers_stay_within_their_bounds_and_reach_all() {
        let all: HashSet<_> = (0..1000).map(|n| number(n, 50)).collect();
        assert_eq!(all.len(), 50);
        assert!(all.iter().all(|number| (1..=50).contains(number)));
        assert_eq!(plan(&["--get", "/a/{}"]).request(3).text, "GET /a/1 HTTP/1.1\r\nHost: bench\r\n\r\n");
    }
}

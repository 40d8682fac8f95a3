//! What becomes of a reservation, and in which order others may tell of it.

use edge::Fields;
use jiff::civil::Date;
use kernel::{Aggregate, Currency, Exposed, Id, Money, Policy, Refused, RefusedKind, Resource, Rows, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::api::{
    Booking, ClosedDays, CustomerId, NotACustomerId, NotARestaurantNo, NotWhenRatingOpens, RatingOpens, ReservationEvent, ReservationId,
    ReservationStatus, RestaurantNo,
};
use super::domain::reservation::{Checkout, Command, Event, Reservation};
use super::http::meant;
use super::policies::{AcceptReservation, RateReservation};
use super::views::ReservationRow;
use crate::recommendation::api::RecommendationEvent;
use crate::restaurant::api::{EntryStatus, RestaurantEvent};

const ID: ReservationId = Id::new(7);

/// An hour of the day on which the sitting is, which begins at 17 and ends at 19.
fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(hour * 3_600).unwrap()
}

/// Refunded until 15:00.
fn booking() -> Booking {
    Booking {
        restaurant_no: "10".parse().unwrap(),
        day: Date::constant(1970, 1, 1),
        time: "17:00".parse().unwrap(),
        end_time: "19:00".parse().unwrap(),
        starts_at: at(17),
        ends_at: at(19),
        party_size: 2,
        customer_id: Some(customer("ann")),
        deposit: Money { minor: 20_000, currency: Currency::Krw },
        refund_until: at(15),
    }
}

fn customer(id: &str) -> CustomerId {
    id.parse().unwrap()
}

fn pend() -> Command {
    Command::Pend(booking(), Checkout { link: "https://pay.example/7".into(), until: at(12) })
}

fn take() -> Command {
    Command::Take(booking())
}

fn cancel(by: Option<&str>) -> Command {
    Command::Cancel { by: by.map(customer) }
}

fn recommend(point: u8) -> Command {
    Command::Recommend { point }
}

/// What happened, with the row after it and what was published.
#[derive(Default)]
struct Story {
    reservation: Reservation,
    row: Option<Value>,
    published: Vec<ReservationEvent>,
}

impl Story {
    fn of(commands: impl IntoIterator<Item = Command>) -> Self {
        let mut story = Self::default();
        for command in commands {
            story.send(command, at(11)).unwrap();
        }
        story
    }

    fn send(&mut self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refused> {
        let events = self.reservation.decide(command, at).map_err(Refused::from)?;
        for event in &events {
            let mut rows = Rows::default();
            self.reservation.rows(&ID, event, at, &mut rows);
            self.row =
                rows.into_changes().pop().map_or(self.row.take(), |change| change.row.map(|row| serde_json::from_str(&row).unwrap()));
            self.reservation.evolve(event, at);
            self.published.extend(self.reservation.publish(&ID, event, at));
        }
        Ok(events)
    }

    /// The names of what was published.
    fn told(&self) -> Vec<String> {
        self.published.iter().map(|event| serde_json::to_value(event).unwrap()["eventType"].as_str().unwrap().to_owned()).collect()
    }

    fn moves(&self, at: Timestamp) -> Vec<&'static str> {
        let row: ReservationRow = serde_json::from_value(self.row.clone().unwrap()).unwrap();
        row.moves(at).into_iter().map(|one| one.name).collect()
    }
}

#[track_caller]
fn refused(answer: Result<Vec<Event>, Refused>, kind: RefusedKind, code: &str) -> Value {
    let refused = answer.expect_err("a refusal");
    assert_eq!((refused.kind, refused.code.as_str()), (kind, code));
    Value::Object(refused.details)
}

fn row(status: &str, checkout: Option<&str>, point: Option<u8>) -> Option<Value> {
    Some(json!({
        "id": 7, "restaurantNo": "10", "day": "1970-01-01", "time": "17:00", "endTime": "19:00", "partySize": 2, "customerId": "ann",
        "deposit": { "amount": "20000", "currency": "KRW" }, "status": status, "startsAt": at(17), "endsAt": at(19), "refundUntil": at(15),
        "checkout": checkout, "payUntil": checkout.map(|_| at(12)), "point": point,
    }))
}

#[test]
fn a_reservation_goes_through_its_states() {
    let mut story = Story::default();
    let mut goes = |command, status: &str, checkout, point| {
        story.send(command, at(11)).unwrap();
        assert_eq!(story.row, row(status, checkout, point));
    };
    goes(pend(), "DepositPending", Some("https://pay.example/7"), None);
    goes(take(), "DepositPayed", None, None);
    goes(Command::Accept, "Reserved", None, None);
    goes(recommend(4), "Recommanded", None, Some(4));
    goes(recommend(5), "Recommanded", None, Some(5));
    goes(cancel(Some("ann")), "Canceled", None, Some(5));
    assert_eq!(story.told(), ["DepositPending", "DepositPayed", "Reserved", "Recommanded", "Recommanded", "Canceled"]);
    for event in &story.published {
        let json = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<ReservationEvent>(&json).unwrap(), *event);
    }
}

#[test]
fn what_is_published_says_it_whole() {
    let story = Story::of([take(), Command::Accept, recommend(5), cancel(None)]);
    let says: Vec<_> = story.published.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    assert_eq!(
        says[0],
        json!({
            "eventType": "DepositPayed", "id": 7, "restaurantNo": "10", "day": "1970-01-01", "time": "17:00", "endTime": "19:00",
            "startsAt": at(17), "endsAt": at(19), "partySize": 2, "customerId": "ann", "deposit": { "amount": "20000", "currency": "KRW" },
            "refundUntil": at(15), "status": "DepositPayed",
        })
    );
    assert_eq!(says[1], json!({ "eventType": "Reserved", "id": 7, "restaurantNo": "10", "day": "1970-01-01", "status": "Reserved" }));
    assert_eq!(says[2], json!({ "eventType": "Recommanded", "id": 7, "restaurantNo": "10", "status": "Recommanded", "point": 5 }));
    let canceled =
        json!({ "eventType": "Canceled", "id": 7, "restaurantNo": "10", "day": "1970-01-01", "status": "Canceled", "refund": true });
    assert_eq!(says[3], canceled);
}

#[test]
fn whatever_comes_again_changes_nothing() {
    let mut story = Story::of([pend(), take(), Command::Accept, recommend(4)]);
    for again in [pend(), take(), Command::Accept, recommend(4), Command::Lapse] {
        assert_eq!(story.send(again, at(11)), Ok(Vec::new()));
    }
    story.send(cancel(None), at(11)).unwrap();
    for again in [pend(), Command::Accept, recommend(5), Command::Lapse, cancel(None), cancel(Some("ann"))] {
        assert_eq!(story.send(again, at(20)), Ok(Vec::new()), "what was taken back stays so");
    }
    refused(story.send(take(), at(11)), RefusedKind::Conflict, "reservation-over");
}

// Cancelling.

#[test]
fn only_the_guest_or_an_administrator_cancels() {
    let mut story = Story::of([take()]);
    refused(story.send(cancel(Some("bob")), at(11)), RefusedKind::Forbidden, "not-the-guest");
    story.send(cancel(None), at(11)).unwrap();
    refused(story.send(cancel(Some("bob")), at(11)), RefusedKind::Forbidden, "not-the-guest");
    let mut nobodys = Story::of([Command::Take(Booking { customer_id: None, ..booking() })]);
    refused(nobodys.send(cancel(Some("bob")), at(11)), RefusedKind::Forbidden, "not-the-guest");
    nobodys.send(cancel(None), at(11)).unwrap();
    refused(Story::default().send(cancel(None), at(11)), RefusedKind::NotFound, "no-such-reservation");
}

#[test]
fn a_deposit_is_refunded_until_the_venue_says_otherwise() {
    let refund = |commands: Vec<Command>, when| match Story::of(commands).send(cancel(None), when) {
        Ok(events) => Ok(events == [Event::Canceled { refund: true }]),
        Err(refused) => Err(refused.code),
    };
    let just_before = |instant: Timestamp| instant - jiff::SignedDuration::from_nanos(1);
    assert_eq!(refund(vec![take()], just_before(at(15))), Ok(true));
    assert_eq!(refund(vec![take(), Command::Accept], at(15)), Ok(false));
    assert_eq!(refund(vec![take(), Command::Accept, recommend(3)], just_before(at(17))), Ok(false));
    assert_eq!(refund(vec![take(), Command::Accept], at(17)), Err("sitting-begun".into()));
    assert_eq!(refund(vec![pend()], at(11)), Ok(true), "what never stood keeps no money");
}

#[test]
fn what_is_not_paid_in_time_lapses() {
    let mut story = Story::of([pend()]);
    assert_eq!(story.send(Command::Lapse, at(12)), Ok(vec![Event::Lapsed]));
    assert_eq!((&story.row, story.told()), (&row("Canceled", None, None), vec!["DepositPending".into(), "Canceled".into()]));
    assert!(matches!(story.published[1], ReservationEvent::Canceled { refund: true, .. }));
    refused(story.send(take(), at(12)), RefusedKind::Conflict, "reservation-over");
    assert_eq!(Story::default().send(Command::Lapse, at(12)), Ok(Vec::new()));
}

#[test]
fn what_is_paid_once_the_sitting_is_over_comes_to_nothing() {
    let just_before_its_end = at(19) - jiff::SignedDuration::from_nanos(1);
    for begun in [vec![], vec![pend()]] {
        Story::of(begun.clone()).send(take(), just_before_its_end).unwrap();
        refused(Story::of(begun).send(take(), at(19)), RefusedKind::Conflict, "sitting-begun");
    }
    assert_eq!(Story::of([take()]).send(take(), at(19)), Ok(Vec::new()), "what stands already stays so");
}

// Who does not come.

#[test]
fn a_guest_is_missed_only_once_the_sitting_has_begun() {
    let mut story = Story::of([take(), Command::Accept]);
    let details = refused(story.send(Command::NoShow, at(16)), RefusedKind::Conflict, "sitting-ahead");
    assert_eq!(details, json!({ "startsAt": at(17) }));
    story.send(Command::NoShow, at(17)).unwrap();
    assert_eq!(story.row, row("NoShow", None, None));
    assert_eq!(story.send(Command::NoShow, at(18)), Ok(Vec::new()));
    refused(story.send(cancel(None), at(18)), RefusedKind::Conflict, "sitting-begun");
    for late in [recommend(1), Command::Accept, take()] {
        assert_eq!(story.send(late, at(18)), Ok(Vec::new()));
    }
}

#[test]
fn nobody_is_missed_who_did_not_have_to_come() {
    let missed = |commands: Vec<Command>| Story::of(commands).send(Command::NoShow, at(18));
    refused(missed(vec![]), RefusedKind::NotFound, "no-such-reservation");
    refused(missed(vec![pend()]), RefusedKind::Conflict, "deposit-pending");
    refused(missed(vec![take(), cancel(None)]), RefusedKind::Conflict, "reservation-over");
    missed(vec![take(), Command::Accept, recommend(5)]).unwrap();
}

// What others tell, in any order.

#[test]
fn a_rating_that_comes_first_waits_for_the_restaurant() {
    let mut story = Story::of([recommend(3), recommend(4)]);
    assert_eq!((&story.row, story.told().len()), (&None, 0));
    story.send(take(), at(11)).unwrap();
    assert_eq!(story.row, row("DepositPayed", None, Some(4)));
    assert_eq!(story.send(Command::Accept, at(11)), Ok(vec![Event::Reserved, Event::Recommanded { point: 4 }]));
    assert_eq!(story.row, row("Recommanded", None, Some(4)));
    assert_eq!(story.told(), ["DepositPayed", "Reserved", "Recommanded"]);
}

#[test]
fn a_cancel_wins_over_an_acceptance_that_comes_after_it() {
    let mut story = Story::of([take(), recommend(4), cancel(Some("ann"))]);
    story.send(Command::Accept, at(12)).unwrap();
    assert_eq!(story.row, row("Canceled", None, Some(4)));
    assert_eq!(story.told(), ["DepositPayed", "Canceled"]);
}

fn commands() -> impl Strategy<Value = Vec<(i64, Command)>> {
    let command = prop_oneof![
        1 => Just(pend()),
        3 => Just(take()),
        2 => Just(Command::Lapse),
        3 => Just(Command::Accept),
        1 => Just(cancel(None)),
        1 => Just(Command::NoShow),
        3 => (1_u8..=5).prop_map(recommend),
    ];
    prop::collection::vec((0_i64..3, command), 0..15)
}

proptest! {
    /// Whatever is told how often and in whatever order, followers see states that may follow each other, and what is over stays so.
    #[test]
    fn states_follow_each_other_as_they_may(commands in commands()) {
        use ReservationStatus::{Canceled, DepositPayed, DepositPending, NoShow, Recommanded, Reserved};

        let (mut story, mut now, mut status) = (Story::default(), at(10), None);
        for (hours, command) in commands {
            now += jiff::SignedDuration::from_hours(hours);
            let seen = story.published.len();
            let _ = story.send(command, now);
            for event in &story.published[seen..] {
                let told: ReservationStatus = serde_json::from_value(serde_json::to_value(event).unwrap()["status"].clone()).unwrap();
                let may = match status {
                    None => matches!(told, DepositPending | DepositPayed),
                    Some(DepositPending) => matches!(told, DepositPayed | Canceled),
                    Some(DepositPayed) => matches!(told, Reserved | Canceled | NoShow),
                    Some(Reserved | Recommanded) => matches!(told, Recommanded | Canceled | NoShow),
                    Some(Canceled | NoShow) => false,
                };
                prop_assert!(may, "{told:?} after {status:?}");
                prop_assert!(told != Canceled || now < booking().starts_at || status == Some(DepositPending));
                prop_assert!(told != NoShow || now >= booking().starts_at);
                status = Some(told);
            }
            prop_assert_eq!(story.reservation.status(), status, "what stands is what was told");
            let shown = story.row.as_ref().map(|row| serde_json::from_value(row["status"].clone()).unwrap());
            prop_assert_eq!(shown, status, "and what is shown");
            let snapshot = serde_json::to_string(&story.reservation).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Reservation>(&snapshot).unwrap(), &story.reservation);
        }
    }
}

#[test]
fn what_can_be_done_now_is_offered() {
    let offered = |commands: Vec<Command>, hour| Story::of(commands).moves(at(hour));
    assert_eq!(offered(vec![pend()], 11), ["cancel", "pay"]);
    assert_eq!(offered(vec![pend()], 12), [""; 0]);
    for paid in [vec![take()], vec![take(), Command::Accept], vec![take(), Command::Accept, recommend(4)]] {
        assert_eq!(offered(paid.clone(), 16), ["cancel"]);
        assert_eq!(offered(paid, 17), ["no-show"]);
    }
    assert_eq!(offered(vec![take(), cancel(None)], 11), [""; 0]);
}

#[test]
fn the_policies_follow_what_concerns_a_reservation_and_nothing_else() {
    let accepted = RestaurantEvent::ReservAccepted { id: ID, reservation_no: ID, status: EntryStatus::Reserved };
    let commands: Vec<_> = AcceptReservation::react(&accepted, at(1)).into_iter().collect();
    assert_eq!((commands.len(), commands[0].aggregate, commands[0].key.as_str()), (1, "reservation", "7"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(Command::Accept)));
    let restaurant_no: RestaurantNo = "10".parse().unwrap();
    let canceled = RestaurantEvent::ReserveCanceled { id: ID, reservation_no: ID, restaurant_no: restaurant_no.clone() };
    assert_eq!(AcceptReservation::react(&canceled, at(1)).into_iter().count(), 0);

    // Fault of the original: "a rating updates a stranger's reservation". What counts is the number of the reservation.
    let (id, status, before) = (Id::new(99), ReservationStatus::Recommanded, None);
    let checked =
        RecommendationEvent::RecChecked { id, reservation_no: ID, restaurant_no: restaurant_no.clone(), point: 4, before, status };
    let commands: Vec<_> = RateReservation::react(&checked, at(1)).into_iter().collect();
    assert_eq!((commands.len(), commands[0].aggregate, commands[0].key.as_str()), (1, "reservation", "7"));
    assert!(matches!(commands[0].command.downcast_ref(), Some(Command::Recommend { point: 4 })));
    let created = RecommendationEvent::RecCreated { id, reservation_no: ID, restaurant_no: restaurant_no.clone(), point: None };
    let deleted = RecommendationEvent::RecDeleted { id, reservation_no: ID, restaurant_no, point: Some(4) };
    for other in [created, deleted] {
        assert_eq!(RateReservation::react(&other, at(1)).into_iter().count(), 0);
    }
}

#[test]
fn numbers_and_ids_have_their_lengths() {
    assert_eq!("".parse::<RestaurantNo>(), Err(NotARestaurantNo));
    assert_eq!("집".repeat(21).parse::<RestaurantNo>(), Err(NotARestaurantNo));
    assert_eq!("집".repeat(20).parse::<RestaurantNo>().unwrap().to_string().chars().count(), 20);
    assert_eq!("".parse::<CustomerId>(), Err(NotACustomerId));
    assert_eq!("예".repeat(65).parse::<CustomerId>(), Err(NotACustomerId));
    assert_eq!(serde_json::to_string(&customer("ann")).unwrap(), r#""ann""#);
    assert!(serde_json::from_str::<CustomerId>(r#""""#).is_err());
}

#[test]
fn days_of_the_week_and_dates_are_closed() {
    let closed = ClosedDays { weekdays: vec![1, 7], dates: vec![Date::constant(2026, 11, 25)] };
    // 2026-11-23 is a Monday.
    let days: Vec<_> = (23..=29).filter(|day| closed.contains(Date::constant(2026, 11, *day))).collect();
    assert_eq!(days, [23, 25, 29]);
}

#[test]
fn what_is_said_of_a_reservation_is_read_as_it_can_be_meant() {
    let read = |body: Value| Fields::parse(body.to_string().as_bytes()).unwrap().read(meant());
    let day = Date::constant(2026, 11, 24);
    let (restaurant_no, on, time, party_size, customer_id) =
        read(json!({ "restaurantNo": "10", "day": "20261124", "status": "Paid" })).unwrap();
    assert_eq!((restaurant_no, on, time, party_size, customer_id), ("10".parse().unwrap(), day, None, 2, None));
    let whole = json!({ "restaurantNo": 10, "day": "2026-11-24", "time": "17:30", "partySize": "4", "customerId": 7 });
    let (restaurant_no, on, time, party_size, customer_id) = read(whole).unwrap();
    let said = ("10".parse().unwrap(), day, "17:30".parse().ok(), 4, Some(customer("7")));
    assert_eq!((restaurant_no, on, time, party_size, customer_id), said);
    let wrong = json!({ "day": "2026-02-30", "time": "25:00", "partySize": 0, "customerId": "a".repeat(65) });
    let problem = read(wrong).unwrap_err();
    let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["restaurantNo", "day", "time", "partySize", "customerId"]);
}

#[test]
fn from_when_on_to_rate_reads() {
    assert_eq!(("reserved".parse(), "dined".parse()), (Ok(RatingOpens::Reserved), Ok(RatingOpens::Dined)));
    assert_eq!("later".parse::<RatingOpens>(), Err(NotWhenRatingOpens));
}

#[test]
fn every_refusal_is_told_in_korean_too() {
    let refusals = [
        Story::default().send(cancel(None), at(11)),
        Story::of([take()]).send(cancel(Some("bob")), at(11)),
        Story::of([take()]).send(cancel(None), at(17)),
        Story::of([take()]).send(Command::NoShow, at(11)),
        Story::of([pend()]).send(Command::NoShow, at(18)),
        Story::of([take(), cancel(None)]).send(Command::NoShow, at(18)),
    ];
    let catalogue = edge::language::Catalogue::new(crate::KOREAN);
    for refused in refusals {
        let told = refused.unwrap_err().message;
        assert!(catalogue.korean(&told).is_some(), "{told}");
    }
}

use kernel::{Aggregate, Answer, Exposed, Id, Policy, Refused, RefusedKind, Resource, Rows, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::interleaving::any_interleaving;
use testkit::{Asked, TestApp};

use super::api::{RecommendationEvent, RegisterRecommendation};
use super::domain::{Command, Event, Recommendation};
use super::policies::{CountForRestaurant, DeleteWhatIsOver, DeleteWithReservation};
use super::rating::{self, Changed, Rating};
use super::views::RecommendationRow;
use crate::reservation::api::{ReservationEvent, ReservationId, ReservationStatus};
use crate::restaurant::api::{EntryStatus, RestaurantEvent};
use crate::told::{self, TOLD};

const ID: ReservationId = Id::new(7);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// The call for a reservation at a restaurant, whose rating opens at minute 10.
fn call(reservation: u64, restaurant: &str, guest: Option<&str>) -> RegisterRecommendation {
    RegisterRecommendation {
        reservation_no: Id::new(reservation),
        restaurant_no: restaurant.parse().unwrap(),
        customer_id: guest.map(|guest| guest.parse().unwrap()),
        opens_at: at(10),
    }
}

fn register() -> Command {
    call(7, "10", Some("ann")).command().1
}

fn rate(point: u8, by: Option<&str>) -> Command {
    Command::Rate { point, by: by.map(|by| by.parse().unwrap()) }
}

/// What happened, with the row after it and what was published.
#[derive(Default)]
struct Story {
    recommendation: Recommendation,
    row: Option<Value>,
    published: Vec<RecommendationEvent>,
}

impl Story {
    fn send(&mut self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refused> {
        let events = self.recommendation.decide(command, at)?;
        for event in &events {
            let mut rows = Rows::default();
            self.recommendation.rows(&ID, event, at, &mut rows);
            self.row =
                rows.into_changes().pop().map_or(self.row.take(), |change| change.row.map(|row| serde_json::from_str(&row).unwrap()));
            self.recommendation.evolve(event, at);
            self.published.extend(self.recommendation.publish(&ID, event, at));
        }
        Ok(events)
    }

    fn published(&self) -> Vec<Value> {
        self.published.iter().map(|event| json!(event)).collect()
    }
}

#[test]
fn a_reservation_is_rated_and_rated_otherwise() {
    let mut story = Story::default();
    story.send(register(), at(1)).unwrap();
    let row = |point: Option<u8>| {
        Some(json!({"id": 7, "reservationNo": 7, "restaurantNo": "10", "customerId": "ann", "point": point, "opensAt": at(10)}))
    };
    assert_eq!(story.row, row(None));
    story.send(rate(3, Some("ann")), at(10)).unwrap();
    assert_eq!(story.row, row(Some(3)));
    story.send(rate(5, None), at(11)).unwrap();
    assert_eq!(story.row, row(Some(5)), "nobody is named: an administrator");
    story.send(Command::Delete, at(12)).unwrap();
    assert_eq!(story.row, None);
    let base = json!({"id": 7, "reservationNo": 7, "restaurantNo": "10"});
    let told = |name: &str, more: Value| {
        let mut event = base.clone();
        event["eventType"] = name.into();
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let expected = [
        told("RecCreated", json!({"point": null})),
        told("RecChecked", json!({"point": 3, "before": null, "status": "Recommanded"})),
        told("RecChecked", json!({"point": 5, "before": 3, "status": "Recommanded"})),
        told("RecDeleted", json!({"point": 5})),
    ];
    assert_eq!(story.published(), expected);
}

#[test]
fn a_rating_is_refused_for_a_reason() {
    #[track_caller]
    fn check(story: &[Command], rating: Command, at: Timestamp, kind: RefusedKind, code: &str) -> Refused {
        let mut told = Story::default();
        for command in story {
            told.send(command.clone(), super::tests::at(10)).unwrap();
        }
        let refused = told.send(rating, at).unwrap_err();
        assert_eq!((refused.kind, refused.code.as_str()), (kind, code));
        refused
    }
    let standing = [register()];
    let early = check(&standing, rate(5, Some("ann")), at(9), RefusedKind::Conflict, "not-open-yet");
    assert_eq!(early.details["opensAt"], json!(at(10)));
    check(&standing, rate(5, Some("bob")), at(10), RefusedKind::Forbidden, "not-the-guest");
    check(&standing, rate(5, Some("bob")), at(9), RefusedKind::Forbidden, "not-the-guest");
    check(&[call(7, "10", None).command().1], rate(5, Some("bob")), at(10), RefusedKind::Forbidden, "not-the-guest");
    check(&[], rate(5, Some("ann")), at(10), RefusedKind::NotFound, "not-found");
    check(&[register(), Command::Delete], rate(5, Some("ann")), at(10), RefusedKind::NotFound, "not-found");
    let same = check(&[register(), rate(5, None)], rate(5, None), at(11), RefusedKind::Standing, "standing");
    assert_eq!(same.standing_id(), Some(7));
}

#[test]
fn what_was_deleted_first_is_never_there() {
    let mut story = Story::default();
    story.send(Command::Delete, at(1)).unwrap();
    assert_eq!(story.send(register(), at(2)), Ok(Vec::new()));
    assert_eq!((&story.row, story.published.len()), (&None, 0));
    let mut story = Story::default();
    story.send(register(), at(1)).unwrap();
    story.send(Command::Delete, at(2)).unwrap();
    assert_eq!(story.send(Command::Delete, at(3)), Ok(Vec::new()));
    assert_eq!(story.send(register(), at(3)), Ok(Vec::new()));
    assert_eq!((&story.row, story.published.len()), (&None, 2));
}

#[test]
fn the_call_is_taken_back_whether_or_not_it_happened() {
    let (key, undo) = call(7, "10", None).undo();
    assert_eq!(key, ID);
    let mut story = Story::default();
    story.send(register(), at(1)).unwrap();
    assert_eq!(story.send(register(), at(1)), Ok(Vec::new()), "asked again, it is no news");
    story.send(undo.clone(), at(2)).unwrap();
    assert_eq!(story.row, None);
    assert_eq!(story.send(undo, at(3)), Ok(Vec::new()));
}

#[test]
fn it_can_be_rated_from_the_instant_at_which_that_opens() {
    let mut story = Story::default();
    story.send(register(), at(1)).unwrap();
    let row: RecommendationRow = serde_json::from_value(story.row.unwrap()).unwrap();
    assert_eq!(row.moves(at(9)), []);
    let offered = row.moves(at(10));
    assert_eq!((offered[0].name, offered[0].method, offered[0].path.as_str()), ("rate", "PATCH", "/recommendations/7"));
}

fn told<P: Policy>(event: &P::On) -> Vec<String> {
    P::react(event, at(9)).into_iter().map(|one| format!("{} {}", one.aggregate, one.key)).collect()
}

#[test]
fn the_policies_react_to_what_concerns_them() {
    let (id, reservation_no, restaurant_no) = (ID, ID, "10".parse::<crate::reservation::api::RestaurantNo>().unwrap());
    let canceled = RestaurantEvent::ReserveCanceled { id, reservation_no, restaurant_no: restaurant_no.clone() };
    assert_eq!(told::<DeleteWithReservation>(&canceled), ["recommendation 7"]);
    let accepted = RestaurantEvent::ReservAccepted { id, reservation_no, status: EntryStatus::Reserved };
    assert_eq!(told::<DeleteWithReservation>(&accepted), Vec::<String>::new());
    for (ended, is_over) in [
        (over(7, ReservationStatus::Canceled), true),
        (over(7, ReservationStatus::NoShow), true),
        (over(7, ReservationStatus::Reserved), false),
    ] {
        assert_eq!(told::<DeleteWhatIsOver>(&ended), if is_over { vec!["recommendation 7"] } else { vec![] });
    }
    let deleted = |point| RecommendationEvent::RecDeleted { id, reservation_no, restaurant_no: restaurant_no.clone(), point };
    assert_eq!(told::<CountForRestaurant>(&deleted(Some(3))), ["rating 10"]);
    assert_eq!(told::<CountForRestaurant>(&deleted(None)), Vec::<String>::new());
}

/// The row of a restaurant's rating after these changes: reservation, point before and now.
fn rated(changes: &[(u64, Option<u8>, Option<u8>)]) -> Value {
    let (mut rating, mut row) = (Rating::default(), Value::Null);
    for (reservation, before, point) in changes {
        let command = rating::Command::Count(Changed { reservation_no: Id::new(*reservation), before: *before, point: *point });
        for event in rating.decide(command, at(1)).unwrap() {
            let mut rows = Rows::default();
            rating.rows(&"10".parse().unwrap(), &event, at(1), &mut rows);
            row = serde_json::from_str(&rows.into_changes().pop().unwrap().row.unwrap()).unwrap();
            rating.evolve(&event, at(1));
        }
    }
    row
}

#[test]
fn a_restaurant_is_rated_by_all_of_its_guests() {
    let row = |average: Value, count: u64| json!({"id": 3, "restaurantNo": "10", "average": average, "count": count});
    assert_eq!(rated(&[(3, None, Some(4))]), row(json!(4.0), 1));
    assert_eq!(rated(&[(3, None, Some(4)), (1, None, Some(5)), (2, None, Some(5))]), row(json!(4.67), 3));
    assert_eq!(rated(&[(3, None, Some(4)), (3, Some(4), Some(1)), (1, None, Some(2))]), row(json!(1.5), 2));
    assert_eq!(rated(&[(3, None, Some(4)), (1, None, Some(1)), (3, Some(4), None)]), row(json!(1.0), 1));
    assert_eq!(rated(&[(3, None, Some(4)), (3, Some(4), None)]), row(json!(null), 0), "its number stays");
}

proptest! {
    #[test]
    fn a_restaurants_rating_is_that_of_what_stands(acts in prop::collection::vec((0_u64..5, prop::option::weighted(0.8, 1_u8..=5)), 0..40)) {
        let mut stands = std::collections::BTreeMap::new();
        let mut changes = Vec::new();
        for (reservation, point) in acts {
            let before = stands.get(&reservation).copied();
            match point {
                Some(point) => { stands.insert(reservation, point); }
                None => { stands.remove(&reservation); }
            }
            if before.is_some() || point.is_some() {
                changes.push((reservation + 1, before, point));
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        let row = rated(&changes);
        prop_assert_eq!(&row["count"], &json!(stands.len()));
        prop_assert_eq!(&row["id"], &json!(changes[0].0));
        let points: Vec<f64> = stands.values().map(|point| f64::from(*point)).collect();
        match row["average"].as_f64() {
            Some(average) => prop_assert!((average - points.iter().sum::<f64>() / points.len() as f64).abs() <= 0.005 + 1e-9),
            None => prop_assert!(points.is_empty()),
        }
    }
}

const NOW: &str = "2026-11-23T10:05:00+09:00";

/// Lets a reservation at a restaurant be rated.
fn registered(app: &mut TestApp, reservation: u64, restaurant: &str, guest: Option<&str>) {
    let (key, command) = call(reservation, restaurant, guest).command();
    told::command::<Recommendation>(app, "recommendation", &key, command);
}

fn patch(reservation: u64, body: Value) -> Asked {
    Asked::new("PATCH", format!("/recommendations/{reservation}")).json(&body)
}

fn canceled(reservation: u64) -> RestaurantEvent {
    let id = Id::new(reservation);
    RestaurantEvent::ReserveCanceled { id, reservation_no: id, restaurant_no: "10".parse().unwrap() }
}

/// A reservation becomes this.
fn over(reservation: u64, status: ReservationStatus) -> ReservationEvent {
    let (id, restaurant_no, day) = (Id::new(reservation), "10".parse().unwrap(), jiff::civil::date(2026, 11, 24));
    match status {
        ReservationStatus::Canceled => ReservationEvent::Canceled { id, restaurant_no, day, status, refund: true },
        ReservationStatus::NoShow => ReservationEvent::NoShow { id, restaurant_no, day, status },
        _ => ReservationEvent::Reserved { id, restaurant_no, day, status },
    }
}

/// Each restaurant's average and count. Which of its reservations gave it its number depends on which was heard of first.
fn ratings(app: &mut TestApp) -> Value {
    let rows = app.rows("ratings");
    rows.iter().map(|row| (row["restaurantNo"].as_str().unwrap().to_owned(), json!([row["average"], row["count"]]))).collect()
}

#[test]
fn a_guest_rates_over_http() {
    let mut app = TestApp::start(TOLD, testkit::at(NOW));
    registered(&mut app, 7, "10", Some("ann"));
    let answer = app.send(patch(7, json!({"point": "5", "customerId": "ann"})));
    let row = answer.expect(200);
    assert_eq!((&row["id"], &row["point"], &row["restaurantNo"]), (&json!(7), &json!(5), &json!("10")));
    assert_eq!(row["_links"]["rate"]["method"], "PATCH");
    assert_eq!(answer.header("content-location"), "/recommendations/7");
    let shown = app.get("/recommendations/7");
    assert_eq!((shown.expect(200), shown.header("etag")), (row.clone(), answer.header("etag")));
    // The same again changes nothing, and is answered just so.
    assert_eq!(app.send(patch(7, json!({"point": 5}))).expect(200), row);
    assert_eq!(app.get("/recommendations/7/history").expect(200)["_embedded"]["history"].as_array().unwrap().len(), 2);
    let tag = answer.header("etag").to_owned();
    assert_eq!(app.send(patch(7, json!({"point": 4})).header("if-match", tag.as_str())).expect(200)["point"], 4);
    app.send(patch(7, json!({"point": 3})).header("if-match", tag)).refused(412, "precondition-failed");
    app.send(patch(7, json!({"point": 3})).header("prefer", "return=minimal")).expect(204);
    let once = || patch(7, json!({"point": 2})).once("k");
    assert_eq!(app.send(once()).expect(200), app.send(once()).expect(200));
    app.send(patch(7, json!({"point": 1})).once("k")).refused(422, "idempotency-key-reused");

    for point in [json!(0), json!(6), json!(-1), json!(256), json!("five"), json!(2.5), json!(null), json!([5])] {
        let refused = app.send(patch(7, json!({"point": point}))).refused(422, "invalid-fields");
        assert_eq!(refused["errors"][0]["field"], "point", "{point}");
    }
    app.send(patch(7, json!({}))).refused(422, "invalid-fields");
    app.send(patch(7, json!({"point": 5, "customerId": "bob"}))).refused(403, "not-the-guest");
    app.send(patch(8, json!({"point": 5}))).refused(404, "not-found");
    assert_eq!(app.get("/recommendations/7").expect(200)["point"], 2);
}

#[test]
fn a_restaurants_ratings_follow_its_guests_while_reservation_is_down() {
    let mut app = TestApp::start(TOLD, testkit::at(NOW));
    app.faults().set("restaurant/reservation", runtime::Fault { down: true, ..runtime::Fault::default() });
    for (reservation, restaurant) in [(1, "10"), (2, "10"), (3, "11")] {
        registered(&mut app, reservation, restaurant, None);
    }
    for (reservation, point) in [(2, 3), (1, 4), (3, 1), (2, 5)] {
        app.send(patch(reservation, json!({"point": point}))).expect(200);
    }
    app.settle();
    assert_eq!(ratings(&mut app), json!({"10": [4.5, 2], "11": [1.0, 1]}));
    let id = |app: &mut TestApp| app.get("/ratings?restaurantNo=10").expect(200)["_embedded"]["ratings"][0]["id"].clone();
    let number = id(&mut app);
    assert!([json!(1), json!(2)].contains(&number), "that of the reservation that was heard of first");
    told::restaurant(&mut app, "2", canceled(2));
    app.settle();
    assert_eq!(ratings(&mut app), json!({"10": [4.0, 1], "11": [1.0, 1]}));
    assert_eq!(id(&mut app), number);
    app.get("/recommendations/2").expect(404);
    app.send(patch(2, json!({"point": 1}))).refused(404, "not-found");
    let history = app.get(&format!("/ratings/{number}/history")).expect(200);
    assert_eq!(history["_embedded"]["history"].as_array().unwrap().len(), 4);
    app.verify();
}

#[test]
fn what_is_over_is_rated_no_more_though_restaurant_is_down() {
    let mut app = TestApp::start(TOLD, testkit::at(NOW));
    app.faults().set("restaurant/restaurant", runtime::Fault { down: true, ..runtime::Fault::default() });
    for (reservation, status) in [(1, ReservationStatus::Canceled), (2, ReservationStatus::NoShow), (3, ReservationStatus::Reserved)] {
        registered(&mut app, reservation, "10", None);
        app.send(patch(reservation, json!({"point": reservation}))).expect(200);
        told::reservation(&mut app, &reservation.to_string(), over(reservation, status));
    }
    app.settle();
    for reservation in [1, 2] {
        app.send(patch(reservation, json!({"point": 5}))).refused(404, "not-found");
    }
    assert_eq!(app.send(patch(3, json!({"point": 4}))).expect(200)["_links"]["rate"]["method"], "PATCH");
    app.settle();
    assert_eq!(ratings(&mut app), json!({"10": [4.0, 1]}));
}

#[test]
fn in_whatever_order_things_are_heard_of_the_ratings_are_the_same() {
    let story = |app: &mut TestApp| {
        for reservation in 1..=4 {
            let restaurant = if reservation < 4 { "10" } else { "11" };
            registered(app, reservation, restaurant, None);
            app.send(patch(reservation, json!({"point": reservation}))).expect(200);
        }
        app.send(patch(1, json!({"point": 5}))).expect(200);
        for id in [2, 9] {
            told::reservation(app, &id.to_string(), over(id, ReservationStatus::Canceled));
            told::restaurant(app, &id.to_string(), canceled(id));
        }
        told::reservation(app, "3", over(3, ReservationStatus::NoShow));
        registered(app, 9, "10", None);
    };
    let shown = |app: &mut TestApp| {
        let rows: Vec<_> = app.rows("recommendations").iter().map(|row| json!([row["id"], row["point"]])).collect();
        json!([ratings(app), rows])
    };
    any_interleaving(TOLD, testkit::at(NOW), 0..15, story, shown);
}

//! Every link leads somewhere, also where the system is served below its name: its own, and that of a collection in it begin alike.

use axum::Router;
use serde_json::json;
use testkit::links::follow_all;
use testkit::{Asked, Subject, TestApp, at};

use crate::{NOW, RESTAURANT};

/// The system below its name, as it is served beside others.
const BELOW: Subject = Subject {
    routes: |system| {
        let (entry, settings) = (edge::Entry::open(edge::Limits::default()), yeyak_restaurant::Settings::default());
        Router::new().nest("/restaurant", yeyak_restaurant::routes(system, "/restaurant", &entry, &settings))
    },
    ..RESTAURANT
};

#[test]
fn every_link_leads_to_what_it_names() {
    let mut app = TestApp::start(BELOW, at(NOW));
    app.post("/restaurant/venues", json!({"restaurantNo": "10"})).expect(201);
    for guest in ["1", "2"] {
        let made = app.post("/restaurant/reservations", json!({"restaurantNo": "10", "day": "20261124", "customerId": guest}));
        made.expect(201);
        assert_eq!(made.header("location"), format!("/restaurant/reservations/{guest}"));
    }
    app.settle();
    app.send(Asked::new("PATCH", "/restaurant/recommendations/1").json(&json!({"point": 5}))).expect(200);
    app.settle();
    let collections = yeyak_restaurant::declared().into_iter().filter(|route| route.method == "GET" && !route.path.contains('{'));
    let paths = collections.map(|route| {
        let asked = if route.path.starts_with("/availability") { "restaurantNo=10&day=20261124" } else { "" };
        let size = if route.path.ends_with("/stream") { "" } else { "&size=1" };
        format!("/restaurant{}?{asked}{size}", route.path)
    });
    let found = follow_all(&mut app, paths);
    for item in ["restaurants/2", "restaurants/1/history", "venues/1/history", "restaurants?page=1&size=1", "ratings/1", "deposits/2"] {
        assert!(found.contains(&format!("/restaurant/{item}")), "{item} is among {found:#?}");
    }
    // What is told of where something came from has the same place.
    let history = app.get("/restaurant/restaurants/1/history").expect(200);
    assert_eq!(history["_links"]["self"]["href"], "/restaurant/restaurants/1/history");
}

//! The contract of a running installation: that it is served for programs and for people, and leads from a refusal to what it means.

use crate::support::{Answer, Yeyak};

#[track_caller]
fn get(yeyak: &Yeyak, path: &str, accept: &str) -> Answer {
    yeyak.api().try_send("GET", path, &[("Accept", accept)], b"").unwrap()
}

#[test]
fn programs_and_people_find_the_contract() {
    let yeyak = Yeyak::demo(&[]);
    let openapi = get(&yeyak, "/openapi.json", "*/*").expect(200);
    assert_eq!(openapi["openapi"], "3.1.0");
    let urls: Vec<_> = openapi["servers"].as_array().unwrap().iter().map(|server| server["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["/", "/meetingroom"]);
    // Each collection is where the document says that it is, by either name.
    for path in openapi["paths"].as_object().unwrap().keys().filter(|path| !path.contains('{') && !path.starts_with("/actuator")) {
        assert_eq!(get(&yeyak, path, "*/*").status, 200, "{path}");
        if openapi["paths"][path].get("servers").is_none() {
            assert_eq!(get(&yeyak, &format!("/meetingroom{path}"), "*/*").status, 200, "{path}");
        }
    }
    let asyncapi = get(&yeyak, "/asyncapi.json", "*/*").expect(200);
    assert_eq!(
        (&asyncapi["asyncapi"], &asyncapi["channels"]["meetingroom.reserve"]["address"]),
        (&"3.0.0".into(), &"meetingroom/reserve".into())
    );

    let docs = get(&yeyak, "/docs", "text/html");
    assert_eq!((docs.status, docs.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(docs.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(String::from_utf8_lossy(&docs.body).contains("<code>/reserves/{id}</code>"));
    yeyak.stop();
}

#[test]
fn a_refusal_leads_to_its_page() {
    let yeyak = Yeyak::demo(&[]);
    let refused = yeyak.api().get("/rooms/4711").problem(404, "not-found");
    let page = refused["type"].as_str().unwrap();
    let check = |accept: &str, kind: &str, begins: &str| {
        let answer = get(&yeyak, page, accept);
        assert_eq!((answer.status, answer.header("content-type"), answer.header("vary")), (200, Some(kind), Some("accept")));
        assert!(String::from_utf8_lossy(&answer.body).starts_with(begins), "{answer:?}");
    };
    check("*/*", "text/markdown; charset=utf-8", "# There is nothing here");
    check("text/html,*/*;q=0.8", "text/html; charset=utf-8", "<!DOCTYPE html>");
    get(&yeyak, "/errors/no-such-code", "*/*").problem(404, "not-found");
    assert!(String::from_utf8_lossy(&get(&yeyak, "/errors", "*/*").body).contains("[`slot-taken`](/errors/slot-taken)"));
    yeyak.stop();
}

#[test]
fn what_is_not_served_is_not_promised() {
    let data = tempfile::tempdir().unwrap();
    let yeyak = Yeyak::start(&["serve", "meetingroom/room", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()]);
    let openapi = get(&yeyak, "/openapi.json", "*/*").expect(200);
    assert!(openapi["paths"].get("/rooms").is_some() && openapi["paths"].get("/reserves").is_none());
    let channels = get(&yeyak, "/asyncapi.json", "*/*").expect(200)["channels"].clone();
    assert_eq!(channels.as_object().unwrap().keys().collect::<Vec<_>>(), ["meetingroom.room"]);
    yeyak.stop();
}

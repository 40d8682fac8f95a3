//! What belongs to one story, and what became of one thing.

use telemetry::TraceContext;

use super::Opened;
use super::fixture::{DEPOT, SHOP, at, event, item, meta, published};
use crate::{Life, Meta, NewEvent, RootKey, StoryEvent, Stretch, Writes};

fn told(correlation: &str, key: &str, version: u64) -> NewEvent {
    let meta = Meta { correlation: correlation.into(), ..meta() };
    NewEvent { meta, at: at(i64::try_from(version).unwrap_or_default()), ..event(item(key), version) }
}

fn story(opened: &Opened<'_>, correlation: &str, until: u64, look_at: u64) -> Stretch {
    opened.wait(opened.store.story(SHOP, correlation, until, look_at, 100)).unwrap()
}

fn versions(events: &[StoryEvent]) -> Vec<u64> {
    events.iter().map(|event| event.version).collect()
}

pub fn are_found_by_their_correlation_stretch_by_stretch(opened: Opened<'_>) {
    let events = (1..=10).map(|version| told(if version % 3 == 0 { "mine" } else { "others" }, "a", version)).collect();
    opened.write(Writes { events, ..Writes::default() });
    let mut found = Vec::new();
    let mut until = u64::MAX;
    loop {
        let stretch = story(&opened, "mine", until, 4);
        if until == u64::MAX {
            assert_eq!(stretch.latest, Some(at(10)));
        }
        found.extend(versions(&stretch.events).into_iter().rev());
        if stretch.from == 0 {
            break;
        }
        until = stretch.from;
    }
    assert_eq!(found, [9, 6, 3]);
    let first = opened.wait(opened.store.story(SHOP, "mine", u64::MAX, 100, 2)).unwrap();
    assert_eq!(versions(&first.events), [3, 6]);
    assert_eq!(story(&opened, "nobody's", u64::MAX, 100).events, []);
}

pub fn of_other_services_are_others(opened: Opened<'_>) {
    let elsewhere = RootKey { service: DEPOT, ..item("a") };
    opened.write(Writes { events: vec![event(elsewhere, 1)], ..Writes::default() });
    assert_eq!(story(&opened, "story", u64::MAX, 100), Stretch::default());
    assert_eq!(opened.wait(opened.store.story(DEPOT, "story", u64::MAX, 100, 100)).unwrap().events.len(), 1);
}

pub fn tell_what_an_event_was_and_where_it_was_published(opened: Opened<'_>) {
    let events = vec![event(item("a"), 1), NewEvent { subject: Some("goods/1".into()), ..published(item("b"), 1, 3) }];
    opened.write(Writes { events, ..Writes::default() });
    let found = story(&opened, "story", u64::MAX, 100).events;
    let expected = event(item("a"), 1);
    assert_eq!((found[0].aggregate.as_str(), found[0].key.as_str(), found[0].at), ("item", "a", expected.at));
    assert_eq!((&found[0].data, &found[0].meta, found[0].published, &found[0].subject), (&expected.data, &meta(), None, &None));
    assert_eq!((found[1].published, found[1].subject.as_deref()), (Some((3, 1)), Some("goods/1")));
    assert!(found[0].position < found[1].position);
}

pub fn a_life_is_that_of_one_row_or_root(opened: Opened<'_>) {
    let about = |subject: &str, key: &str, version| NewEvent { subject: Some(subject.into()), ..told("story", key, version) };
    let events = vec![about("goods/1", "a", 1), about("goods/12", "a", 2), about("goods/1", "b", 1), about("goods/1", "a", 3)];
    opened.write(Writes { events, ..Writes::default() });
    let life = |of, limit| opened.wait(opened.store.life(SHOP, of, limit)).unwrap();
    let row: Vec<_> = life(Life::Row("goods/1"), 10).into_iter().map(|event| (event.key, event.version)).collect();
    assert_eq!(row, [("a".to_owned(), 1), ("b".into(), 1), ("a".into(), 3)]);
    assert_eq!(versions(&life(Life::Root("item", "a"), 10)), [1, 2, 3]);
    assert_eq!(versions(&life(Life::Root("item", "a"), 2)), [1, 2]);
    assert_eq!(life(Life::Root("basket", "a"), 10), []);
}

pub fn the_trace_of_an_event_is_kept_with_it(opened: Opened<'_>) {
    let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 a=b".parse().unwrap();
    let traced = Meta { trace: Some(trace), ..meta() };
    let events = vec![NewEvent { meta: traced.clone(), ..published(item("a"), 1, 0) }, published(item("a"), 2, 0)];
    let committed = opened.write(Writes { events, ..Writes::default() });
    let fed = opened.wait(opened.store.feed(SHOP, 0, 0, 10)).unwrap().events;
    assert_eq!(fed, committed.published);
    assert_eq!(fed.iter().map(|event| &event.meta).collect::<Vec<_>>(), [&traced, &meta()]);
    assert_eq!(story(&opened, "story", u64::MAX, 10).events[0].meta, traced);
}

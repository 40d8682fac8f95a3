#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]
extern crate yeyak_store as store;
use futures_util::FutureExt;
use kernel::{Field, Timestamp};
use std::time::Instant;
use store::*;

const F: &[Field] = &[Field::integer("roomId"), Field::text("state"), Field::instant("from"), Field::text("who")];
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let inline = std::env::args().nth(2).is_some();
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let schema = Schema {
        services: vec![ServiceSchema {
            name: "reserve",
            aggregates: vec!["room"],
            tables: vec![TableSchema { name: "reserves".into(), fields: F }],
        }],
    };
    let store =
        sqlite::SqliteStore::open(&std::path::Path::new(&dir).join("a.db"), schema, &sqlite::Options { inline, ..Default::default() })
            .unwrap();
    let batches = 200u64;
    let per = 256u64;
    let start = Instant::now();
    let mut worst = 0u128;
    let mut first = 0.0;
    for b in 0..batches {
        let one = Instant::now();
        let keys: Vec<RootKey> =
            (0..per).map(|n| RootKey { service: "reserve", aggregate: "room", key: format!("room-{}", (b * per + n) % 10_000) }).collect();
        let claims = Claims { batch: format!("{b:010}"), roots: keys.iter().map(|k| (k.clone(), 10)).collect(), ..Claims::default() };
        let answer = store.write(claims, Box::new(move |loaded| {
            let at = Timestamp::from_second(1_800_000_000 + b as i64).unwrap();
            let mut w = Writes::default();
            for (n, root) in keys.into_iter().enumerate() {
                let version = loaded.roots[&root].version + 1; let id = b * per + n as u64 + 1;
                let json = format!("{{\"eventType\":\"Reserved\",\"timestamp\":\"2026-11-23T10:05:00Z\",\"id\":{id},\"roomId\":{},\"state\":\"requested\",\"from\":\"2026-11-23T10:05:00Z\",\"to\":\"2026-11-23T11:05:00Z\",\"who\":\"person-{n}\",\"purpose\":\"a meeting about the next meeting\"}}", id % 10_000);
                w.rows.push(RowWrite { row: RowKey { service: "reserve", table: "reserves".into(), id }, content: Some((vec![Cell::Integer((id % 10_000) as i64), Cell::Text("requested".into()), Cell::Integer(at.as_microsecond() + id as i64), Cell::Text(format!("person-{n}"))], json.clone())) });
                w.roots.push(RootWrite { root: root.clone(), version, at, wake_at: Some(at), snapshot: None });
                w.events.push(NewEvent { root, version, at, data: json.clone(), subject: Some(format!("reserves/{id}")), meta: Meta { correlation: format!("c-{id}"), causation: format!("r-{id}"), caller: "person".into() }, published: Some(NewPublished { shard: (id % 16) as u8, data: json }) });
            }
            Ok(w)
        }));
        let c = if inline { answer.now_or_never().unwrap().unwrap() } else { wait(answer).unwrap() };
        assert_eq!(c.published.len(), per as usize);
        worst = worst.max(one.elapsed().as_millis());
        if b == 19 {
            first = 20.0 * per as f64 / start.elapsed().as_secs_f64();
        }
    }
    let s = start.elapsed().as_secs_f64();
    println!(
        "{:.0} commands/s over all, {first:.0}/s in the first 20 batches, {:.2} ms a batch, worst {worst} ms",
        (batches * per) as f64 / s,
        s * 1000.0 / batches as f64
    );
    let t = Instant::now();
    for i in 0..1000u64 {
        wait(store.feed("reserve", (i % 16) as u8, i, 100)).unwrap();
    }
    println!("feed of 100: {:.1} us", t.elapsed().as_secs_f64() * 1000.0);
    let t = Instant::now();
    for i in 0..20000u64 {
        wait(store.row("reserve", "reserves", i + 1)).unwrap().unwrap();
    }
    println!("row: {:.2} us", t.elapsed().as_secs_f64() * 1e6 / 20000.0);
    let t = Instant::now();
    for i in 0..1000i64 {
        wait(store.rows(
            "reserve",
            "reserves",
            &Query { sort: vec![("from", Direction::Descending)], ..Query::equal("roomId", Cell::Integer(i), 20) },
        ))
        .unwrap();
    }
    println!("rows filtered: {:.2} us", t.elapsed().as_secs_f64() * 1000.0);
    let t = Instant::now();
    for _ in 0..100 {
        wait(store.rows("reserve", "reserves", &Query { sort: vec![("state", Direction::Descending)], ..Query::default() })).unwrap();
    }
    println!("rows sorted by state desc: {:.2} us", t.elapsed().as_secs_f64() * 10000.0);
}
fn wait<T>(mut f: StoreFuture<'_, T>) -> Result<T, StoreError> {
    struct W(std::thread::Thread);
    impl std::task::Wake for W {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let w = std::sync::Arc::new(W(std::thread::current())).into();
    let mut cx = std::task::Context::from_waker(&w);
    loop {
        match f.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(v) => return v,
            _ => std::thread::park(),
        }
    }
}

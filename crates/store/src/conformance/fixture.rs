use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Field, Timestamp};

use super::Backend;
use crate::{
    Abort, Claims, Committed, FeedEvent, Loaded, Meta, NewEvent, NewPublished, Position, RootKey, RootWrite, RowKey, RowWrite, Schema,
    ServiceSchema, Shard, Store, StoreError, TableSchema, Writes,
};

/// The service most cases are about.
pub(super) const SHOP: &str = "shop";
/// Another one in the same store.
pub(super) const DEPOT: &str = "depot";

/// One field of each kind.
pub(super) const GOODS: &[Field] = &[Field::integer("price"), Field::text("name"), Field::instant("since")];

/// What the store of a case is made for.
pub(super) fn schema() -> Schema {
    let baskets = TableSchema { name: "baskets".into(), fields: &[], roots: Some("basket"), followed: false };
    let table = |name: &str, fields| TableSchema { name: name.into(), fields, roots: None, followed: true };
    Schema {
        services: vec![
            ServiceSchema {
                name: SHOP,
                aggregates: vec!["item", "basket"],
                tables: vec![table("goods", GOODS), table("offers@1", GOODS), baskets],
            },
            ServiceSchema { name: DEPOT, aggregates: vec!["item"], tables: vec![table("goods", GOODS)] },
        ],
    }
}

/// The schema with other tables for the shop.
pub(super) fn schema_with(tables: &[(&str, &'static [Field])]) -> Schema {
    let mut schema = schema();
    schema.services[0].tables =
        tables.iter().map(|(name, fields)| TableSchema { name: (*name).into(), fields, roots: None, followed: true }).collect();
    schema
}

/// A store, and the place where it stands.
pub struct Opened<'a> {
    backend: &'a dyn Backend,
    pub(super) store: Box<dyn Store>,
}

impl<'a> Opened<'a> {
    pub(super) fn new(backend: &'a dyn Backend, schema: Schema) -> Self {
        Self { backend, store: backend.open(schema) }
    }

    /// The same store, closed and opened again.
    pub(super) fn reopen(self, schema: Schema) -> Self {
        let Self { backend, store } = self;
        drop(store);
        Self::new(backend, schema)
    }

    pub(super) fn sequences_are_dense(&self) -> bool {
        self.backend.sequences_are_dense()
    }

    /// Waits for `future`.
    pub(super) fn wait<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        let mut answer = None;
        self.backend.block_on(Box::pin(async { answer = Some(future.await) }));
        answer.expect("a backend runs a future to its end")
    }

    /// Runs a transaction.
    pub(super) fn run(
        &self,
        claims: Claims,
        decide: impl FnOnce(Loaded) -> Result<Writes, Abort> + Send + 'static,
    ) -> Result<Committed, StoreError> {
        self.wait(self.store.write(claims, Box::new(decide)))
    }

    /// Runs a transaction that claims nothing.
    pub(super) fn try_write(&self, writes: Writes) -> Result<Committed, StoreError> {
        self.run(claims(), move |_| Ok(writes))
    }

    /// Runs one that is expected to stand.
    pub(super) fn write(&self, writes: Writes) -> Committed {
        self.try_write(writes).expect("the transaction stands")
    }

    /// What a transaction finds.
    pub(super) fn load(&self, claims: Claims) -> Loaded {
        let (sender, loaded) = std::sync::mpsc::channel();
        self.run(claims, move |loaded| {
            sender.send(loaded).map_err(|_| Abort("nobody listens".into()))?;
            Ok(Writes::default())
        })
        .expect("the transaction stands");
        loaded.recv().expect("the closure ran")
    }

    /// All of one shard's feed.
    pub(super) fn feed(&self, service: &'static str, shard: Shard) -> Vec<Arc<FeedEvent>> {
        self.wait(self.store.feed(service, shard, 0, 1_000_000)).expect("the feed is readable").events
    }

    /// Every event of an item.
    pub(super) fn events(&self, key: &str) -> Vec<(u64, String)> {
        let events = self.wait(self.store.events(&item(key))).expect("events are readable");
        events.into_iter().map(|event| (event.version, event.data)).collect()
    }
}

/// A batch id that nobody else has.
pub(super) fn batch() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("batch-{:010}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Claims of nothing but a batch id.
pub(super) fn claims() -> Claims {
    Claims { batch: batch(), ..Claims::default() }
}

/// An instant, in seconds after an arbitrary one, with microseconds to be kept.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond(1_764_000_000_123_456 + second * 1_000_000).expect("within range")
}

/// An item of the shop.
pub(super) fn item(key: &str) -> RootKey {
    RootKey { service: SHOP, aggregate: "item", key: key.into() }
}

pub(super) fn meta() -> Meta {
    Meta { correlation: "story".into(), causation: "request".into(), caller: "somebody".into(), trace: None }
}

/// An event that is not published.
pub(super) fn event(root: RootKey, version: u64) -> NewEvent {
    let data = format!("{{\"eventType\":\"Changed\",\"n\":{version}}}");
    NewEvent { root, version, at: at(0), data, subject: None, meta: meta(), published: None }
}

/// An event that is.
pub(super) fn published(root: RootKey, version: u64, shard: Shard) -> NewEvent {
    let data = format!("{{\"eventType\":\"ItemChanged\",\"key\":\"{}\",\"n\":{version}}}", root.key);
    NewEvent { published: Some(NewPublished { shard, data }), ..event(root, version) }
}

/// A root's new head.
pub(super) fn root(root: RootKey, version: u64) -> RootWrite {
    RootWrite { root, version, at: at(0), wake_at: None, snapshot: None }
}

/// A batch that appends a published event to each of `keys`, at `version`.
pub(super) fn appended(keys: &[&str], version: u64, shard: Shard) -> Writes {
    Writes {
        events: keys.iter().map(|key| published(item(key), version, shard)).collect(),
        roots: keys.iter().map(|key| root(item(key), version)).collect(),
        ..Writes::default()
    }
}

/// An event as a consumer of the shop gets it from the depot.
pub(super) fn received(key: &str, shard: Shard, seq: u64) -> Arc<FeedEvent> {
    Arc::new(FeedEvent {
        source: DEPOT.into(),
        shard,
        position: Position { epoch: 1, seq },
        key: key.into(),
        at: at(i64::try_from(seq).expect("small")),
        data: format!("{{\"eventType\":\"Stored\",\"key\":\"{key}\",\"n\":{seq}}}").into(),
        meta: meta(),
    })
}

/// A row's name.
pub(super) fn row(table: &str, id: u64) -> RowKey {
    RowKey { service: SHOP, table: table.into(), id }
}

/// The JSON of a row with the fields of [`GOODS`]; `None` leaves one out.
pub(super) fn good(id: u64, price: Option<i64>, name: Option<&str>, since: Option<i64>) -> String {
    let mut json = serde_json::json!({ "id": id });
    if let Some(price) = price {
        json["price"] = price.into();
    }
    if let Some(name) = name {
        json["name"] = name.into();
    }
    if let Some(since) = since {
        json["since"] = at(since).to_string().into();
    }
    json.to_string()
}

/// A row put in place, with the cells that `fields` take from its JSON.
pub(super) fn put(table: &str, fields: &[Field], id: u64, json: &str) -> RowWrite {
    RowWrite { row: row(table, id), content: Some((crate::cells(fields, json), json.into())) }
}

/// A batch that writes rows.
pub(super) fn rows(rows: Vec<RowWrite>) -> Writes {
    Writes { rows, ..Writes::default() }
}

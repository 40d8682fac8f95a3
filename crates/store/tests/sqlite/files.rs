//! What is found at a path, and what becomes of it.

use std::path::Path;

use futures_util::FutureExt;
use kernel::Field;
use rusqlite::Connection;

use super::store::sqlite::{Options, SqliteStore, snapshot_of};
use super::store::{
    Cell, Claims, Direction, NewEvent, NewPublished, OpenError, Place, Query, RootKey, RowKey, RowWrite, Schema, SequenceKey,
    ServiceSchema, Store, StoreError, TableSchema, Writes,
};

const FIELDS: &[Field] = &[Field::text("name")];

fn schema() -> Schema {
    let tables = vec![TableSchema { name: "goods".into(), fields: FIELDS, roots: None, followed: true }];
    Schema { services: vec![ServiceSchema { name: "shop", aggregates: vec!["item"], tables }] }
}

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, schema(), &Options { inline: true, ..Options::default() })
}

fn write(store: &SqliteStore, batch: &str, writes: Writes) -> Result<(), StoreError> {
    let claims = Claims { batch: batch.into(), ..Claims::default() };
    store.write(claims, Box::new(|_| Ok(writes))).now_or_never().unwrap().map(drop)
}

/// Puts the row `id` in place, and counts up to it.
fn put(store: &SqliteStore, batch: &str, id: u64) {
    let row = RowKey { service: "shop", table: "goods".into(), id };
    let rows = vec![RowWrite { row, content: Some((vec![Cell::Null], format!("{{\"id\":{id}}}"))) }];
    let sequences = vec![(SequenceKey { service: "shop", name: "goods" }, id)];
    write(store, batch, Writes { rows, sequences, ..Writes::default() }).unwrap();
}

fn refusal(path: &Path) -> OpenError {
    open(path).err().unwrap()
}

#[test]
fn a_newer_format_is_refused_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refusal = refusal(&path);
    assert!(matches!(refusal, OpenError::Newer { found: 99, known: 4, .. }), "{refusal}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn what_nobody_has_open_is_looked_at_without_a_trace_and_a_log_that_was_left_is_taken_in() {
    let directory = tempfile::tempdir().unwrap();
    // What has a meaning in addresses has none in a path.
    let path = directory.path().join("100 % ?#&회.db");
    drop(open(&path).unwrap());
    let names = || std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    let before = (names(), std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap().modified().unwrap());
    let held = snapshot_of(&path, &schema()).unwrap();
    assert_eq!(held.sequences("shop").unwrap(), []);
    assert_eq!((names(), std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap().modified().unwrap()), before);
    drop(held);
    // A copy of the file and its log, as they stand beside whoever is killed.
    let open = Connection::open(&path).unwrap();
    open.execute("INSERT INTO shop_sequences (name, value) VALUES ('goods', 7) ON CONFLICT (name) DO UPDATE SET value = 7", []).unwrap();
    let killed = directory.path().join("killed.db");
    for end in ["", "-wal"] {
        let named = |path: &Path| format!("{}{end}", path.display());
        std::fs::copy(named(&path), named(&killed)).unwrap();
    }
    drop(open);
    assert_eq!(snapshot_of(&killed, &schema()).unwrap().sequences("shop").unwrap(), [("goods".to_owned(), 7)]);
}

#[test]
fn a_foreign_database_is_refused_and_stays_as_it_is() {
    for make in ["CREATE TABLE theirs (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 7"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("theirs.db");
        Connection::open(&path).unwrap().execute_batch(make).unwrap();
        let before = std::fs::read(&path).unwrap();
        let refusal = refusal(&path);
        assert!(matches!(refusal, OpenError::Foreign { .. }), "{make}: {refusal}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{make}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}

#[test]
fn what_is_no_database_is_refused_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("letter.txt");
    let letter = "Dear reader, this is not a database. ".repeat(400);
    std::fs::write(&path, &letter).unwrap();
    let refusal = refusal(&path);
    assert!(matches!(&refusal, OpenError::Unusable { why, .. } if why.contains("not a database")), "{refusal}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), letter);
}

#[test]
fn a_directory_in_place_of_the_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refusal = refusal(directory.path());
    assert!(matches!(&refusal, OpenError::Unusable { why, .. } if why.contains("unable to open")), "{refusal}");
}

#[test]
fn a_path_that_leads_nowhere_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refusal = refusal(&directory.path().join("no/such/store.db"));
    assert!(matches!(refusal, OpenError::Unusable { .. }), "{refusal}");
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(open(&path).unwrap());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    if std::fs::File::options().append(true).open(&path).is_ok() {
        return; // Whoever runs this may write everywhere.
    }
    let refusal = refusal(&path);
    assert!(matches!(&refusal, OpenError::Unusable { why, .. } if why.contains("readonly")), "{refusal}");
}

#[test]
fn an_empty_file_becomes_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    std::fs::write(&path, "").unwrap();
    drop(open(&path).unwrap());
    open(&path).unwrap();
}

#[test]
fn a_closed_store_is_one_file() {
    for inline in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let store = SqliteStore::open(&path, schema(), &Options { inline, ..Options::default() }).unwrap();
        store.heads("shop").now_or_never().unwrap().unwrap();
        // Nobody waits for this one, and it is done all the same.
        drop(store.write(Claims { batch: "1".into(), ..Claims::default() }, Box::new(|_| Ok(Writes::default()))));
        drop(store);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "inline: {inline}");
        let landed: bool =
            Connection::open(&path).unwrap().query_row("SELECT landed FROM batches WHERE id = '1'", [], |row| row.get(0)).unwrap();
        assert!(landed);
    }
}

/// The log is being copied, by a connection of its own, when the last of these is dropped.
#[test]
fn a_store_that_is_closed_while_its_log_is_copied_is_one_file_with_all_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path, schema(), &Options::default()).unwrap();
    let large = "x".repeat(3 << 20);
    for id in 1..=8_u64 {
        let row = RowKey { service: "shop", table: "goods".into(), id };
        let rows = vec![RowWrite { row, content: Some((vec![Cell::Null], format!("{{\"id\":{id},\"text\":\"{large}\"}}"))) }];
        let claims = Claims { batch: id.to_string(), ..Claims::default() };
        drop(store.write(claims, Box::new(|_| Ok(Writes { rows, ..Writes::default() }))));
    }
    drop(store);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let file = Connection::open(&path).unwrap();
    let kept = "SELECT count(*), sum(length(\"@json\")) > 8 * 3 * 1024 * 1024 FROM shop_row_goods";
    assert_eq!(file.query_row(kept, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap(), (8, true));
    assert_eq!(file.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
}

/// A file taken away under a running store must not be taken for an empty one.
#[test]
fn a_file_that_has_gone_is_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path, schema(), &Options::default()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = store.heads("shop").now_or_never().unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Away(_)), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_file_from_before_traces_were_kept_is_brought_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(open(&path).unwrap());
    let columns = || -> i64 {
        let query = "SELECT count(*) FROM pragma_table_info('shop_events') WHERE name = 'trace'";
        Connection::open(&path).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
    };
    Connection::open(&path).unwrap().execute_batch("ALTER TABLE shop_events DROP COLUMN trace").unwrap();
    assert_eq!(columns(), 0);
    for _ in 0..2 {
        let store = open(&path).unwrap();
        let stretch = store.story("shop", "any", u64::MAX, 10, 10).now_or_never().unwrap().unwrap();
        assert_eq!(stretch.events, []);
    }
    assert_eq!(columns(), 1);
}

/// A file of format 2, in which nobody kept how many rows there are.
#[test]
fn a_file_without_totals_is_counted_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let total = |store: &SqliteStore| store.rows("shop", "goods", &Query::default()).now_or_never().unwrap().unwrap().total;
    let store = open(&path).unwrap();
    (1..=3).for_each(|id| put(&store, &format!("batch {id}"), id));
    drop(store);
    Connection::open(&path).unwrap().execute_batch("ALTER TABLE shop_sequences DROP COLUMN rows; PRAGMA user_version = 2;").unwrap();
    assert_eq!(snapshot_of(&path, &schema()).unwrap().total("shop", "goods").unwrap(), None);
    // While the schema does not have the table, as with a view's older version, nobody writes to it, and each page counts it.
    let without = Schema { services: vec![ServiceSchema { name: "shop", aggregates: vec!["item"], tables: vec![] }] };
    let options = Options { inline: true, ..Options::default() };
    assert_eq!(total(&SqliteStore::open(&path, without, &options).unwrap()), 3);

    let store = open(&path).unwrap();
    assert_eq!(total(&store), 3);
    put(&store, "batch 4", 4);
    put(&store, "batch 5", 2);
    assert_eq!(total(&store), 4);
    drop(store);
    assert_eq!(snapshot_of(&path, &schema()).unwrap().total("shop", "goods").unwrap(), Some(4));
    // A total that is kept is believed: opening takes no longer for a table that is larger.
    Connection::open(&path).unwrap().execute_batch("UPDATE shop_sequences SET rows = 70 WHERE name = 'goods'").unwrap();
    assert_eq!(total(&open(&path).unwrap()), 70);
    // One that is not known is counted again.
    Connection::open(&path).unwrap().execute_batch("UPDATE shop_sequences SET rows = NULL").unwrap();
    assert_eq!(total(&open(&path).unwrap()), 4);
}

/// A file of format 1, in which nobody could follow rows.
#[test]
fn a_file_of_the_format_before_is_brought_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let changed = |store: &SqliteStore, after| {
        let changes = store.changes("shop", "goods", after, &[], 10).now_or_never().unwrap().unwrap();
        (changes.line, changes.changes.iter().map(|change| change.place.id).collect::<Vec<_>>())
    };
    let store = open(&path).unwrap();
    (1..=3).for_each(|id| put(&store, &format!("batch {id}"), id));
    drop(store);
    let old = "DROP INDEX \"shop_row_goods.@changed\"; ALTER TABLE shop_row_goods DROP COLUMN \"@changed\"; DROP TABLE shop_gone;
               UPDATE tables SET fields = 'name Text'; DELETE FROM batches WHERE n = 1; PRAGMA user_version = 1;";
    Connection::open(&path).unwrap().execute_batch(old).unwrap();

    let store = open(&path).unwrap();
    assert_eq!(changed(&store, None), ("batch 2/1".into(), vec![1, 2, 3]));
    put(&store, "batch 4", 2);
    assert_eq!(changed(&store, None).1, [1, 3, 2]);
    assert_eq!(changed(&store, Some(Place { batch: 0, id: 1 })).1, [3, 2]);
    drop(store);
    assert_eq!(changed(&open(&path).unwrap(), None), ("batch 2/1".into(), vec![1, 3, 2]), "once is enough");
}

/// A later release may have an index with more columns.
#[test]
fn an_index_that_is_to_have_other_columns_is_made_anew_and_the_rows_stay() {
    const BEFORE: &[Field] = &[Field::text("name"), Field::integer("price")];
    const AFTER: &[Field] = &[Field::text("name").then("price"), Field::integer("price")];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let open = |fields| {
        let tables = vec![TableSchema { name: "goods@1".into(), fields, roots: None, followed: true }];
        let schema = Schema { services: vec![ServiceSchema { name: "shop", aggregates: vec![], tables }] };
        SqliteStore::open(&path, schema, &Options { inline: true, ..Options::default() }).unwrap()
    };
    let indexes = || -> Vec<String> {
        let query = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'shop_row_goods@1' ORDER BY name";
        let connection = Connection::open(&path).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let store = open(BEFORE);
    let row = |id, price| {
        let row = RowKey { service: "shop", table: "goods@1".into(), id };
        RowWrite { row, content: Some((vec![Cell::Text("cup".into()), Cell::Integer(price)], format!("{{\"id\":{id}}}"))) }
    };
    let writes = Writes { rows: vec![row(1, 9), row(2, 7), row(3, 8)], ..Writes::default() };
    write(&store, "1", writes).unwrap();
    drop(store);
    let before = indexes();
    // What was built anew beside a view's version keeps the names that its indexes were given there.
    Connection::open(&path)
        .unwrap()
        .execute_batch("DROP INDEX \"shop_row_goods@1.name\"; CREATE INDEX \"shop_row_goods@1~.name\" ON \"shop_row_goods@1\" (\"name\");")
        .unwrap();
    for _ in 0..2 {
        let store = open(AFTER);
        let query = Query { sort: vec![("price", Direction::Descending)], ..Query::equal("name", Cell::Text("cup".into()), 2) };
        let page = store.rows("shop", "goods@1", &query).now_or_never().unwrap().unwrap();
        assert_eq!((page.rows, page.total), (vec!["{\"id\":1}".to_owned(), "{\"id\":3}".into()], 3));
        let found = store.rows_of_each("shop", "goods@1", "name", vec![Cell::Text("cup".into())], 2).now_or_never().unwrap().unwrap();
        assert_eq!(found, [["{\"id\":1}", "{\"id\":2}"]], "in the order of their ids, not of the index");
    }
    let mut after = indexes();
    let made = "CREATE INDEX \"shop_row_goods@1~.name\" ON \"shop_row_goods@1\" (\"name\", \"price\")".to_owned();
    assert!(after.contains(&made), "{after:?}");
    after.retain(|index| *index != made);
    assert!(before.len() == 3 && after.len() == 2 && after.iter().all(|index| before.contains(index)), "{before:?} {after:?}");
    drop(open(BEFORE));
    assert_eq!(indexes().len(), 3);
}

/// A file of format 3, in which the heads of shards stood apart, feeds were ordered by their shards, and there was an index of batches.
#[test]
fn a_file_with_heads_apart_and_many_batches_is_brought_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let published = |key: &str, shard| {
        let root = RootKey { service: "shop", aggregate: "item", key: key.into() };
        let meta = super::store::Meta { correlation: "story".into(), causation: "test".into(), caller: "test".into(), trace: None };
        let published = Some(NewPublished { shard, data: "{}".into() });
        NewEvent { root, version: 1, at: kernel::Timestamp::UNIX_EPOCH, data: "{}".into(), subject: None, meta, published }
    };
    let sequences = vec![(SequenceKey { service: "shop", name: "goods" }, 7)];
    let store = open(&path).unwrap();
    write(&store, "batch 1", Writes { events: vec![published("a", 3), published("b", 15)], sequences, ..Writes::default() }).unwrap();
    write(&store, "batch 2", Writes { events: vec![published("c", 3)], ..Writes::default() }).unwrap();
    let before = store.heads("shop").now_or_never().unwrap().unwrap();
    assert_eq!((before[3].seq, before[15].seq, before[0].seq), (2, 1, 0));
    drop(store);
    let old = "CREATE TABLE shop_heads (shard INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
               INSERT INTO shop_heads VALUES (3, 2), (15, 1);
               DELETE FROM shop_sequences WHERE name LIKE '@%';
               DROP INDEX shop_feed;
               CREATE UNIQUE INDEX shop_feed ON shop_events (shard, seq) WHERE seq IS NOT NULL;
               DROP TABLE batches;
               CREATE TABLE batches (
                   n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, landed INTEGER NOT NULL, asked INTEGER NOT NULL DEFAULT 0);
               WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 300)
                   INSERT INTO batches (n, id, landed) SELECT n, 'old ' || n, 1 FROM numbers;
               PRAGMA user_version = 3;";
    Connection::open(&path).unwrap().execute_batch(old).unwrap();
    let held = snapshot_of(&path, &schema()).unwrap();
    assert_eq!((held.heads("shop").unwrap(), held.sequences("shop").unwrap()), (before.clone(), vec![("goods".to_owned(), 7)]));
    assert_eq!(held.feed("shop", 3, 0, 5).unwrap().events.len(), 2);
    drop(held);

    for _ in 0..2 {
        let store = open(&path).unwrap();
        assert_eq!(store.heads("shop").now_or_never().unwrap().unwrap(), before);
        let landed = |batch| store.landed(batch).now_or_never().unwrap().unwrap();
        assert!(landed("old 300") && landed("old 290"));
        let error = write(&store, "old 300", Writes::default()).unwrap_err();
        assert!(matches!(error, StoreError::Rejected(_)), "{error}");
    }
    let held = snapshot_of(&path, &schema()).unwrap();
    assert_eq!((held.heads("shop").unwrap(), held.sequences("shop").unwrap()), (before.clone(), vec![("goods".to_owned(), 7)]));
    drop(held);
    let store = open(&path).unwrap();
    write(&store, "batch 3", Writes { events: vec![published("d", 3)], ..Writes::default() }).unwrap();
    assert_eq!(store.heads("shop").now_or_never().unwrap().unwrap()[3].seq, 3);
    let feed = store.feed("shop", 3, 1, 5).now_or_never().unwrap().unwrap().events;
    assert_eq!(feed.iter().map(|event| event.key.as_str()).collect::<Vec<_>>(), ["c", "d"]);
    let changes = store.changes("shop", "goods", None, &[], 1).now_or_never().unwrap().unwrap();
    assert_eq!((changes.last, changes.line.as_str()), (301, "old 1/1"), "batches are counted on, and the first one is known");
    drop(store);
    let index = "SELECT sql LIKE '%(seq, shard)%' FROM sqlite_schema WHERE name = 'shop_feed'";
    assert!(
        Connection::open(&path).unwrap().query_row(index, [], |row| row.get::<_, bool>(0)).unwrap(),
        "the index of feeds is the new one"
    );
}

/// A file in which events also had the rows that are their own roots.
#[test]
fn a_file_in_which_roots_were_found_by_their_rows_is_brought_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let tables = vec![TableSchema { name: "items".into(), fields: &[], roots: Some("item"), followed: false }];
    let schema = Schema { services: vec![ServiceSchema { name: "shop", aggregates: vec!["item"], tables }] };
    let open = || SqliteStore::open(&path, schema.clone(), &Options { inline: true, ..Options::default() }).unwrap();
    let happened = |version: u64| {
        let root = RootKey { service: "shop", aggregate: "item", key: "7".into() };
        let meta = super::store::Meta { correlation: "story".into(), causation: "test".into(), caller: "test".into(), trace: None };
        let (data, subject) = (version.to_string(), Some("items/7".to_owned()));
        let event = NewEvent { root, version, at: kernel::Timestamp::UNIX_EPOCH, data, subject, meta, published: None };
        Writes { events: vec![event], ..Writes::default() }
    };
    write(&open(), "batch 1", happened(1)).unwrap();
    let old = "UPDATE shop_events SET subject = 'items/7' WHERE subject = '';
               DROP INDEX shop_subjects;
               CREATE INDEX shop_subjects ON shop_events (subject) WHERE subject IS NOT NULL;";
    Connection::open(&path).unwrap().execute_batch(old).unwrap();
    let store = open();
    write(&store, "batch 2", happened(2)).unwrap();
    let history = store.history("shop", "items", 7, 0, 9).now_or_never().unwrap().unwrap();
    assert_eq!(history.into_iter().map(|entry| entry.data).collect::<Vec<_>>(), ["1", "2"]);
    drop(store);
    let stored = |sql: &str| Connection::open(&path).unwrap().query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(stored("SELECT group_concat(subject, ',') FROM (SELECT subject FROM shop_events ORDER BY id)"), "items/7,");
    assert!(stored("SELECT sql FROM sqlite_schema WHERE name = 'shop_subjects'").ends_with("WHERE subject <> ''"));
}

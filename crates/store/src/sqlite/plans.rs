//! Asks SQLite how it runs each statement: none may look at every row of a table that grows.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use kernel::Field;
use rusqlite::Connection;

use super::sql::{self, Sql};
use super::{ddl, names};
use crate::{Cell, Direction, Query, Schema, ServiceSchema, TableSchema};

const FIELDS: &[Field] = &[Field::integer("price"), Field::text("name"), Field::instant("since"), Field::text("owner").then("price")];

fn database() -> (Connection, Sql) {
    let tables = vec![TableSchema { name: "goods".into(), fields: FIELDS, roots: None, followed: true }];
    let schema = Schema { services: vec![ServiceSchema { name: "shop", aggregates: vec!["item", "basket"], tables }] };
    let mut connection = Connection::open_in_memory().unwrap();
    ddl::migrate(&mut connection, &schema).unwrap();
    (connection, Sql::new(&schema))
}

/// The steps of a statement's plan.
fn plan(connection: &Connection, text: &str) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
    // A plan does not depend on values that are not yet known.
    let steps = statement.query_map(rusqlite::params_from_iter(vec![rusqlite::types::Null; statement_places(text)]), |row| row.get(3));
    steps.unwrap().collect::<rusqlite::Result<Vec<String>>>().unwrap().join("; ")
}

fn statement_places(text: &str) -> usize {
    (1..20).take_while(|place| text.contains(&format!("?{place}"))).count()
}

#[test]
fn no_statement_scans_or_sorts_a_table_that_grows() {
    let (connection, sql) = database();
    let service = sql.service("shop").unwrap();
    let table = service.table("goods").unwrap();
    let texts = [
        &service.record,
        &service.put_record,
        &service.free_record,
        &service.prune_records,
        &service.position,
        &service.positions,
        &service.put_position,
        &service.next_line,
        &service.parked_at,
        &service.parked_keys,
        &service.parked_first,
        &service.parked_behind,
        &service.parked_line,
        &service.discard,
        &service.park,
        &service.unpark,
        &service.root,
        &service.put_root,
        &service.roots,
        &service.finished,
        &service.prune_root,
        &service.prune_snapshot,
        &service.prune_event,
        &service.snapshot,
        &service.put_snapshot,
        &service.event,
        &service.end,
        &service.put_end,
        &service.audit.link,
        &service.audit.event,
        &service.append,
        &service.feed,
        &service.audit.feed,
        &service.head,
        &service.heads,
        &service.put_head,
        &service.epoch,
        &service.epochs,
        &service.put_epoch,
        &service.sequence,
        &service.put_sequence,
        &service.total,
        &service.gain,
        &service.latest,
        &service.of_correlation,
        &service.of_row,
        &service.of_root,
        &service.own_history,
        &service.view_history,
        &service.put_history,
        &service.view,
        &service.put_view,
        &service.put_gone,
        &service.forget_gone,
        &service.gone,
        &table.row,
        &table.columns,
        &table.insert,
        table.update(service.name, 0),
        table.update(service.name, 1),
        &table.delete,
    ];
    for text in texts {
        let plan = plan(&connection, text);
        // A count over what a limit keeps short scans that.
        let plan = plan.replace("SCAN (subquery-1)", "");
        let distinct = *text == service.parked_keys;
        assert!(!plan.contains("SCAN") && (distinct || !plan.contains("TEMP B-TREE")), "{text}\n{plan}");
    }
}

/// These read an index from one end, and stop at their limit.
#[test]
fn what_is_read_in_order_is_not_sorted() {
    let (connection, sql) = database();
    let service = sql.service("shop").unwrap();
    let expected = HashMap::from([
        (&service.due, "shop_wakes"),
        (&service.next_wake, "shop_wakes"),
        (&service.waking_roots, "shop_wakes"),
        (&service.next_line, "shop_lines"),
        (&service.finished, "USING PRIMARY KEY (aggregate=?)"),
        (&service.parked, "shop_waiting"),
        (&service.feed, "shop_feed (seq>? AND seq<?)"),
    ]);
    for (text, index) in expected {
        let plan = plan(&connection, text);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{text}\n{plan}");
    }
}

#[test]
fn filters_and_orders_use_the_indexes_of_their_fields() {
    let (connection, _) = database();
    let name = names::rows("shop", "goods");
    let check = |query: &Query, index: &str| {
        let (count, page) = (sql::count(&name, &query.filters), sql::page(&name, query));
        let plans = [plan(&connection, &count), plan(&connection, &page)];
        assert!(plans[1].contains(index) && !plans[1].contains("TEMP B-TREE"), "{query:?}\n{plans:?}");
        assert!(query.filters.is_empty() || plans.iter().all(|plan| plan.contains("SEARCH")), "{query:?}\n{plans:?}");
    };
    for (field, some) in [("price", Cell::Integer(1)), ("name", Cell::Text("cup".into())), ("since", Cell::Integer(1))] {
        let index = format!("shop_row_goods.{field}");
        for cell in [some, Cell::Null] {
            check(&Query::equal(field, cell, 20), &index);
        }
        for direction in [Direction::Ascending, Direction::Descending] {
            check(&Query { sort: vec![(field, direction)], ..Query::default() }, &index);
        }
    }
    check(&Query::default(), "SCAN");
}

#[test]
fn rows_of_a_value_and_rows_behind_an_id_are_searched_for() {
    let (connection, _) = database();
    let name = names::rows("shop", "goods");
    let of_one = ["price", "name", "since"].map(|field| sql::rows_of_one(&name, field));
    for text in of_one.into_iter().chain([sql::ids(&name), sql::page_behind(&name, 20)]) {
        let plan = plan(&connection, &text);
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{text}\n{plan}");
    }
}

/// Rows that are not shown are not looked at: their order stands in the index, or their ids do, which are sorted alone.
#[test]
fn a_page_of_one_value_is_found_in_its_index_alone() {
    let (connection, _) = database();
    let page = |sort| {
        let query = Query { sort, ..Query::equal("owner", Cell::Text("me".into()), 20) };
        let name = names::rows("shop", "goods");
        let (count, page) = (sql::count(&name, &query.filters), sql::page(&name, &query));
        let plans = [plan(&connection, &count), plan(&connection, &page)];
        assert!(plans.iter().all(|plan| plan.contains("COVERING INDEX shop_row_goods.owner (owner=?)")), "{plans:?}");
        !plans[1].contains("TEMP B-TREE")
    };
    assert!(page(vec![("price", Direction::Ascending)]) && page(vec![("price", Direction::Descending)]));
    assert!(!page(vec![]));
}

#[test]
fn what_changed_is_read_in_its_order() {
    let (connection, _) = database();
    for filters in [vec![], vec![("price", Cell::Integer(1)), ("name", Cell::Null)]] {
        let text = sql::changes(&names::rows("shop", "goods"), &filters);
        let plan = plan(&connection, &text);
        assert!(plan.contains("SEARCH") && plan.contains("shop_row_goods.@changed") && !plan.contains("TEMP B-TREE"), "{text}\n{plan}");
    }
}

//! The tables of rows: an id, a column with an index for each field that is filtered or sorted by, and the row's JSON.

use rusqlite::{OptionalExtension, Transaction, params, params_from_iter};
use serde::de::IgnoredAny;

use super::{names, read, totals};
use crate::{TableSchema, beside, query::cells};
use kernel::{Field, FieldKind, misread};

/// Makes a table, or fills its columns anew from its rows' JSON when the fields have changed.
pub(super) fn bring_up(transaction: &Transaction<'_>, service: &str, table: &TableSchema) -> rusqlite::Result<()> {
    let name = names::rows(service, &table.name);
    let wanted = describe(table);
    let found: Option<String> = transaction.query_row("SELECT fields FROM tables WHERE name = ?1", [&name], |row| row.get(0)).optional()?;
    match found {
        Some(found) if found == wanted => {
            bring_up_indexes(transaction, service, table)?;
            return totals::begin(transaction, service, &table.name);
        }
        Some(found) => make_anew(transaction, service, table, found.ends_with(FOLLOWED))?,
        None => {
            create(transaction, service, table)?;
            index(transaction, service, table)?;
        }
    }
    transaction
        .execute("INSERT INTO tables (name, fields) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET fields = ?2", params![name, wanted])?;
    totals::begin(transaction, service, &table.name)
}

/// What the description of a table that is followed ends with.
const FOLLOWED: &str = "; followed";

fn describe(table: &TableSchema) -> String {
    let describe = |field: &Field| format!("{} {:?}", field.name, field.kind);
    let fields = table.fields.iter().map(describe).collect::<Vec<_>>().join(", ");
    if table.followed { fields + FOLLOWED } else { fields }
}

fn create(transaction: &Transaction<'_>, service: &str, table: &TableSchema) -> rusqlite::Result<()> {
    let name = names::rows(service, &table.name);
    let columns: String = table.fields.iter().map(|field| format!(", \"{}\" {}", field.name, column_type(field.kind))).collect();
    // What stood before anybody could follow it has changed before everything else.
    let changed = if table.followed { format!(", {} INTEGER NOT NULL DEFAULT 0", names::CHANGED) } else { String::new() };
    transaction.execute_batch(&format!("CREATE TABLE {name} (id INTEGER PRIMARY KEY{columns}{changed}, {} TEXT NOT NULL);", names::JSON))
}

fn column_type(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Integer | FieldKind::Instant => "INTEGER",
        FieldKind::Text => "TEXT",
    }
}

/// An index over a table of rows: over what it is, which is the last part of its name, and its columns.
struct Index {
    over: &'static str,
    columns: String,
}

fn indexes(table: &TableSchema) -> impl Iterator<Item = Index> {
    let of_field = |field: &Field| {
        let then = field.then.map(|then| format!(", \"{then}\"")).unwrap_or_default();
        Index { over: field.name, columns: format!("\"{}\"{then}", field.name) }
    };
    let of_changes = table.followed.then(|| Index { over: names::OF_CHANGES, columns: names::CHANGED.to_owned() });
    table.fields.iter().map(of_field).chain(of_changes)
}

fn index(transaction: &Transaction<'_>, service: &str, table: &TableSchema) -> rusqlite::Result<()> {
    let name = names::rows(service, &table.name);
    for Index { over, columns } in indexes(table) {
        let index = names::index(service, &table.name, over);
        transaction.execute_batch(&format!("CREATE INDEX {index} ON {name} ({columns});"))?;
    }
    Ok(())
}

/// Makes those indexes anew that had other columns before.
fn bring_up_indexes(transaction: &Transaction<'_>, service: &str, table: &TableSchema) -> rusqlite::Result<()> {
    let name = names::rows(service, &table.name);
    let mut found = transaction.prepare_cached("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1")?;
    let found: Vec<(String, String)> =
        found.query_map([name.trim_matches('"')], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for Index { over, columns } in indexes(table) {
        // It may have the name that it was given beside the table which was served then.
        let named = [table.name.clone(), beside(&table.name)].map(|table| names::index(service, &table, over));
        let Some((index, text)) = found.iter().find(|(index, _)| named.iter().any(|name| name.trim_matches('"') == index)) else {
            continue;
        };
        if !text.ends_with(&format!("({columns})")) {
            transaction.execute_batch(&format!("DROP INDEX \"{index}\"; CREATE INDEX \"{index}\" ON {name} ({columns});"))?;
        }
    }
    Ok(())
}

/// Makes the table anew beside the old one, row by row, so that a large one need not fit into memory.
fn make_anew(transaction: &Transaction<'_>, service: &str, table: &TableSchema, was_followed: bool) -> rusqlite::Result<()> {
    let name = names::rows(service, &table.name);
    transaction.execute_batch(&format!("ALTER TABLE {name} RENAME TO \"@old\";"))?;
    create(transaction, service, table)?;
    {
        let columns: String = table.fields.iter().map(|field| format!(", \"{}\"", field.name)).collect();
        let places: String = (0..table.fields.len()).map(|n| format!(", ?{}", n + 3)).collect();
        let mut put = transaction.prepare(&format!("INSERT INTO {name} (id, {}{columns}) VALUES (?1, ?2{places})", names::JSON))?;
        let mut old = transaction.prepare(&format!("SELECT id, {} FROM \"@old\" ORDER BY id", names::JSON))?;
        let mut rows = old.query([])?;
        while let Some(row) = rows.next()? {
            let (id, json): (i64, String) = (row.get(0)?, row.get(1)?);
            serde_json::from_str::<IgnoredAny>(&json).map_err(|error| read::unreadable(1, std::io::Error::other(misread(&error))))?;
            let cells = cells(table.fields, &json).into_iter().map(read::owned);
            put.execute(params_from_iter([id.into(), json.into()].into_iter().chain(cells)))?;
        }
    }
    if was_followed && table.followed {
        // Whoever follows goes on where they were.
        transaction.execute_batch(&format!(
            "UPDATE {name} SET {changed} = (SELECT {changed} FROM \"@old\" AS old WHERE old.id = {name}.id);",
            changed = names::CHANGED
        ))?;
    }
    // The old indexes go with the old table, and the new ones may have their names.
    transaction.execute_batch("DROP TABLE \"@old\";")?;
    index(transaction, service, table)
}

/// Makes a table for a view that is built anew.
pub(super) fn make_beside(transaction: &Transaction<'_>, service: &str, table: &TableSchema) -> rusqlite::Result<()> {
    create(transaction, service, table)?;
    let name = names::rows(service, &table.name);
    let served = table.name.trim_end_matches('~');
    for Index { over, columns } in indexes(table) {
        let (first, other) = (names::index(service, &table.name, over), names::index(service, served, over));
        // An index keeps its name when its table gets another. So the one that is served may have this name, and then not the other.
        let taken: bool = transaction.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1)",
            [first.trim_matches('"')],
            |row| row.get(0),
        )?;
        let index = if taken { other } else { first };
        transaction.execute_batch(&format!("CREATE INDEX {index} ON {name} ({columns});"))?;
    }
    transaction.execute("INSERT INTO tables (name, fields) VALUES (?1, ?2)", params![name, describe(table)])?;
    totals::begin(transaction, service, &table.name)
}

/// Takes a table away, if it is there.
pub(super) fn drop_table(transaction: &Transaction<'_>, service: &str, table: &str) -> rusqlite::Result<()> {
    let name = names::rows(service, table);
    transaction.execute_batch(&format!("DROP TABLE IF EXISTS {name};"))?;
    transaction.execute("DELETE FROM tables WHERE name = ?1", [&name])?;
    Ok(())
}

/// Puts the table `anew` in the place of `old`.
pub(super) fn replace(transaction: &Transaction<'_>, service: &str, anew: &str, old: &str) -> rusqlite::Result<()> {
    let (from, to) = (names::rows(service, anew), names::rows(service, old));
    let fields: String = transaction.query_row("SELECT fields FROM tables WHERE name = ?1", [&from], |row| row.get(0))?;
    if fields.ends_with(FOLLOWED) {
        // What was folded anew may differ from what followers were told, so they are told all of it, and what is no longer there.
        let last: i64 = transaction.query_row("SELECT coalesce(max(n), 0) FROM batches", [], |row| row.get(0))?;
        let number = super::batch::claim(transaction, &format!("{from} was built anew after batch {last}"))?;
        let gone = names::table(service, "gone");
        let lost = format!("INSERT INTO {gone} (name, batch, id) SELECT ?1, ?2, id FROM {to} WHERE id NOT IN (SELECT id FROM {from})");
        transaction.execute(&lost, params![old, number])?;
        transaction.execute(&format!("UPDATE {from} SET {} = ?1", names::CHANGED), [number])?;
    }
    drop_table(transaction, service, old)?;
    transaction.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to};"))?;
    transaction.execute("UPDATE tables SET name = ?1 WHERE name = ?2", [&to, &from])?;
    Ok(())
}

/// Takes away all versions of a view but one.
pub(super) fn drop_other_versions(transaction: &Transaction<'_>, service: &str, view: &str, kept: u32) -> rusqlite::Result<()> {
    let kept = names::rows(service, &format!("{view}@{kept}"));
    let prefix = names::rows(service, &format!("{view}@"));
    let prefix = prefix.trim_end_matches('"');
    let all: Vec<String> =
        transaction.prepare("SELECT name FROM tables")?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for name in all.iter().filter(|name| name.starts_with(prefix) && **name != kept) {
        transaction.execute_batch(&format!("DROP TABLE IF EXISTS {name};"))?;
        transaction.execute("DELETE FROM tables WHERE name = ?1", [name])?;
    }
    Ok(())
}

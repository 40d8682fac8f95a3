//! Writing rows with their links, as HAL has it.
//!
//! Rows come from the store as JSON and go out as JSON: they are put together as text, and read only to know what can be done with them now.

use std::borrow::Borrow;

use kernel::{Resource, Timestamp};
use serde_json::Value;
use store::{Page, Query};

/// Where a collection was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// What stands before every path: nothing, or the system's name: `/meetingroom`.
    pub base: &'a str,
    /// The path behind it: `/reserves`.
    pub path: &'a str,
    /// The query as it was sent, without its question mark.
    pub query: &'a str,
}

/// A row with its links: itself, its history, and what can be done with it at `at`.
pub fn item<R: Resource>(row: &str, base: &str, at: Timestamp) -> String {
    item_behind(String::with_capacity(row.len() + LINKS), row, resource::<R>(row).as_ref(), base, at)
}

/// The same of an item that is no stored row.
///
/// # Errors
/// When it has no JSON form.
pub fn computed_item<R: Resource>(item: &R, base: &str, at: Timestamp) -> serde_json::Result<String> {
    let row = serde_json::to_string(item)?;
    Ok(item_behind(String::with_capacity(row.len() + LINKS), &row, Some(item), base, at))
}

/// What a row says. One that is no `R` would be a fault of the store's; it is shown as it stands rather than not at all.
fn resource<R: Resource>(row: &str) -> Option<R> {
    serde_json::from_str(row).ok()
}

/// A row, and what it is, behind a text.
fn item_behind<R: Resource>(mut text: String, row: &str, resource: Option<&R>, base: &str, at: Timestamp) -> String {
    let (Some(resource), Some(fields)) = (resource, row.trim_end().strip_suffix('}')) else { return text + row };

    let href = format!("{base}/{}/{}", R::COLLECTION, resource.id());
    text.push_str(fields);
    text.push_str(if fields.trim_end().ends_with('{') { r#""_links":"# } else { r#","_links":"# });
    let mut links = Links::after(text);
    let query = resource.asked_by().map(|query| format!("?{query}")).unwrap_or_default();
    links.add("self", &[&href, &query], None);
    links.add(R::ITEM, &[&href, &query], None);
    links.add("history", &[&href, "/history"], None);
    for offered in resource.moves(at) {
        links.add(offered.name, &[base, &offered.path], Some(offered.method));
    }
    links.finish() + "}"
}

/// About as many bytes as the links of an item have.
const LINKS: usize = 320;

/// A page of the store's with its links, each row as [`item`] shows it.
pub fn collection<R: Resource>(page: &Page, query: &Query, place: Place<'_>, at: Timestamp) -> String {
    of_rows(&page.rows, page.rows.iter().map(|row| resource::<R>(row)), page, query, place, at)
}

/// The same of items that were computed from the rows of a page.
///
/// # Errors
/// When one of them has no JSON form.
pub fn computed_collection<R: Resource>(
    items: &[R],
    page: &Page,
    query: &Query,
    place: Place<'_>,
    at: Timestamp,
) -> serde_json::Result<String> {
    let rows = items.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(of_rows::<R, _>(&rows, items.iter().map(Some), page, query, place, at))
}

/// These rows, each with what it says, as a page.
fn of_rows<R: Resource, B: Borrow<R>>(
    rows: &[String],
    resources: impl Iterator<Item = Option<B>>,
    page: &Page,
    query: &Query,
    place: Place<'_>,
    at: Timestamp,
) -> String {
    let length: usize = rows.iter().map(|row| row.len() + LINKS).sum();
    let mut text = String::with_capacity(length + 2 * LINKS);
    text.push_str(r#"{"_embedded":{"#);
    quote(&mut text, &[R::COLLECTION]);
    text.push_str(":[");
    for (n, (row, resource)) in rows.iter().zip(resources).enumerate() {
        if n > 0 {
            text.push(',');
        }
        text = item_behind(text, row, resource.as_ref().map(B::borrow), place.base, at);
    }
    text.push_str(r#"]},"_links":"#);
    ended(text, page, query, place)
}

/// The text with a page's own links behind it, and what it says of itself.
fn ended(text: String, page: &Page, query: &Query, place: Place<'_>) -> String {
    let Page { rows, total, total_is_lower_bound } = page;
    let (number, size) = (query.page, query.size.max(1));
    let pages = total.div_ceil(size);
    let last = (!*total_is_lower_bound).then(|| pages.saturating_sub(1));
    let more = match last {
        Some(last) => number < last,
        // Nobody counted that far, but a page that is full can have another behind it.
        None => rows.len() as u64 >= size,
    };

    let mut links = Links::after(text);
    let own = if place.query.is_empty() { String::new() } else { format!("?{}", place.query) };
    links.add("self", &[place.base, place.path, &own], None);
    let mut to_page = |name, page| links.add(name, &[&page_href(place, page, size)], None);
    to_page("first", 0);
    if let Some(before) = number.checked_sub(1) {
        // From behind the last page, back is to the last page.
        to_page("prev", last.map_or(before, |last| before.min(last)));
    }
    if more {
        to_page("next", number.saturating_add(1));
    }
    if let Some(last) = last {
        to_page("last", last);
    }

    let bound = if *total_is_lower_bound { r#","totalIsLowerBound":true"# } else { "" };
    let page = format!(r#","page":{{"size":{size},"totalElements":{total},"totalPages":{pages},"number":{number}{bound}}}}}"#);
    links.finish() + &page
}

/// The same collection, with the same filters and order, at another page.
fn page_href(place: Place<'_>, page: u64, size: u64) -> String {
    let mut href = format!("{}{}?", place.base, place.path);
    for parameter in place.query.split('&').filter(|parameter| !parameter.is_empty()) {
        let is_paging = form_urlencoded::parse(parameter.as_bytes()).any(|(name, _)| name == "page" || name == "size");
        if !is_paging {
            href.push_str(parameter);
            href.push('&');
        }
    }
    href.push_str(&format!("page={page}&size={size}"));
    href
}

/// A `_links` object, written behind a text.
struct Links<'a> {
    text: String,
    names: Vec<&'a str>,
}

impl<'a> Links<'a> {
    fn after(text: String) -> Self {
        Self { text: text + "{", names: Vec::with_capacity(8) }
    }

    /// Adds a link to where these parts lead together; the first of a name stays.
    fn add(&mut self, name: &'a str, href: &[&str], method: Option<&str>) {
        if self.names.contains(&name) {
            return;
        }
        if !self.names.is_empty() {
            self.text.push(',');
        }
        self.names.push(name);
        quote(&mut self.text, &[name]);
        self.text.push_str(r#":{"href":"#);
        quote(&mut self.text, href);
        if let Some(method) = method {
            self.text.push_str(r#","method":"#);
            quote(&mut self.text, &[method]);
        }
        self.text.push('}');
    }

    /// The text with the links behind it.
    fn finish(self) -> String {
        self.text + "}"
    }
}

/// Writes the parts of a text as one JSON string.
fn quote(to: &mut String, parts: &[&str]) {
    let is_plain = |byte: &u8| (0x20..0x7f).contains(byte) && !matches!(byte, b'"' | b'\\');
    if parts.iter().all(|part| part.as_bytes().iter().all(is_plain)) {
        to.push('"');
        parts.iter().for_each(|part| to.push_str(part));
        to.push('"');
    } else {
        to.push_str(&Value::from(parts.concat()).to_string());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fixture::Reserve;

    fn shown(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    fn rows(count: usize) -> Vec<String> {
        (1..=count).map(|id| format!(r#"{{"id":{id},"status":"Reserved"}}"#)).collect()
    }

    fn page_of(total: u64, bound: bool, rows_shown: usize, query: &Query, raw: &str) -> Value {
        let page = Page { rows: rows(rows_shown), total, total_is_lower_bound: bound };
        let place = Place { base: "/meetingroom", path: "/reserves", query: raw };
        shown(&collection::<Reserve>(&page, query, place, Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn an_item_links_to_itself_its_history_and_its_moves() {
        let json = item::<Reserve>(r#"{"id":7,"status":"Reserved"}"#, "/meetingroom", Timestamp::UNIX_EPOCH);
        assert!(json.starts_with(r#"{"id":7,"status":"Reserved","_links":{"self":"#), "{json}");
        assert_eq!(
            shown(&json)["_links"],
            json!({
                "self": {"href": "/meetingroom/reserves/7"},
                "reserve": {"href": "/meetingroom/reserves/7"},
                "history": {"href": "/meetingroom/reserves/7/history"},
                "cancel": {"href": "/meetingroom/reserves/7", "method": "DELETE"},
            })
        );
        let ended = shown(&item::<Reserve>(r#"{"id":7,"status":"Ended"}"#, "", Timestamp::UNIX_EPOCH));
        assert_eq!(ended["_links"]["self"]["href"], "/reserves/7");
        assert!(ended["_links"].get("cancel").is_none());
    }

    #[test]
    fn what_was_computed_is_shown_as_a_row_that_says_the_same() {
        let rows = rows(3);
        let items: Vec<Reserve> = rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
        let (base, at) = ("/meetingroom", Timestamp::UNIX_EPOCH);
        assert_eq!(computed_item(&items[0], base, at).unwrap(), item::<Reserve>(&rows[0], base, at));
        let place = Place { base, path: "/reserves", query: "" };
        let page = Page { rows, total: Page::COUNTED, total_is_lower_bound: true };
        let query = Query { size: 3, ..Query::default() };
        let computed = computed_collection(&items, &page, &query, place, at).unwrap();
        assert_eq!(computed, collection::<Reserve>(&page, &query, place, at));
        // Of a full page there may be a next one, also when a row of it has nothing to show.
        let fewer = shown(&computed_collection(&items[..2], &page, &query, place, at).unwrap());
        assert_eq!(fewer["_embedded"]["reserves"].as_array().map(Vec::len), Some(2));
        assert_eq!(fewer["_links"]["next"]["href"], "/meetingroom/reserves?page=1&size=3");
    }

    #[test]
    fn a_row_that_is_none_is_shown_as_it_stands() {
        for row in [r#"{"id":7}"#, "{}", "3", ""] {
            assert_eq!(item::<Reserve>(row, "", Timestamp::UNIX_EPOCH), row);
        }
    }

    #[test]
    fn a_page_in_the_middle_links_both_ways() {
        let query = Query { page: 1, size: 2, ..Query::default() };
        let json = page_of(5, false, 2, &query, "sort=status,desc&page=1&size=2");
        let href = |page| json!({"href": format!("/meetingroom/reserves?sort=status,desc&page={page}&size=2")});
        assert_eq!(json["_links"], json!({"self": href(1), "first": href(0), "prev": href(0), "next": href(2), "last": href(2)}));
        assert_eq!(json["page"], json!({"size": 2, "totalElements": 5, "totalPages": 3, "number": 1}));
        assert_eq!(json["_embedded"]["reserves"][1]["id"], 2);
        assert_eq!(json["_embedded"]["reserves"][1]["_links"]["cancel"]["method"], "DELETE");
    }

    #[test]
    fn an_empty_collection_is_a_collection() {
        let json = page_of(0, false, 0, &Query::default(), "");
        assert_eq!(json["_embedded"], json!({"reserves": []}));
        assert_eq!(json["_links"]["self"]["href"], "/meetingroom/reserves");
        assert_eq!(json["_links"]["last"]["href"], "/meetingroom/reserves?page=0&size=20");
        assert!(json["_links"].get("next").is_none() && json["_links"].get("prev").is_none());
        assert_eq!(json["page"]["totalPages"], 0);
    }

    #[test]
    fn behind_the_last_page_back_is_to_the_last_page() {
        let json = page_of(5, false, 0, &Query { page: 9, size: 2, ..Query::default() }, "page=9&size=2");
        assert_eq!(json["_links"]["prev"]["href"], "/meetingroom/reserves?page=2&size=2");
        assert!(json["_links"].get("next").is_none());
    }

    #[test]
    fn what_nobody_counted_has_no_last_page() {
        let query = Query { page: 600, size: 20, ..Query::default() };
        let json = page_of(Page::COUNTED, true, 20, &query, "page=600");
        assert_eq!(json["page"]["totalIsLowerBound"], true);
        assert_eq!(json["_links"]["next"]["href"], "/meetingroom/reserves?page=601&size=20");
        assert!(json["_links"].get("last").is_none());
        assert!(page_of(Page::COUNTED, true, 3, &query, "page=600")["_links"].get("next").is_none());
    }

    proptest! {
        #[test]
        fn every_answer_is_json(status in any::<String>(), raw in any::<String>(), page in 0_u64..20, size in 1_u64..20, total in 0_usize..60) {
            let row = json!({"id": 1, "status": status}).to_string();
            prop_assert_eq!(&shown(&item::<Reserve>(&row, "", Timestamp::UNIX_EPOCH))["status"], &json!(status));
            let place = Place { base: "", path: "/reserves", query: &raw };
            let first = usize::try_from(page * size).unwrap().min(total);
            let last = usize::try_from((page + 1) * size).unwrap().min(total);
            let rows = rows(total)[first..last].to_vec();
            let found = Page { rows, total: total as u64, total_is_lower_bound: false };
            let query = Query { page, size, ..Query::default() };
            let json = shown(&collection::<Reserve>(&found, &query, place, Timestamp::UNIX_EPOCH));
            prop_assert_eq!(json["_links"].get("next").is_some(), (page + 1) * size < total as u64);
        }
    }
}

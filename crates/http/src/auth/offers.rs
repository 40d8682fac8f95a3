//! Which of the moves that an item offers its reader may make.

use std::mem;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Identity, Who};
use crate::Declared;

/// The routes of a whole system by which something is changed, and who may use them: what an item offers may be another service's to do.
pub struct Offers {
    /// What stands before every path.
    base: Arc<str>,
    routes: Vec<Declared>,
}

impl Offers {
    /// Of these routes behind `base`.
    pub fn of(base: &str, routes: impl IntoIterator<Item = Declared>) -> Self {
        Self { base: base.into(), routes: routes.into_iter().filter(|route| route.method != "GET").collect() }
    }

    /// Whether this one would find anything left out.
    pub(super) fn concern(identity: &Identity, json: &str) -> bool {
        !identity.is_administrator() && json.contains(r#""method":"#)
    }

    /// Takes out of every item in a value the moves that are not for this one to make. It has to be whole: what is hidden from them says
    /// whose it is.
    pub(super) fn keep_own(&self, value: &mut Value, identity: &Identity) {
        match value {
            Value::Object(members) => {
                if let Some(links) = members.get_mut("_links").and_then(Value::as_object_mut) {
                    let mut links = mem::take(links);
                    links.retain(|_, link| self.is_for(link, members, identity));
                    members.insert("_links".into(), links.into());
                }
                members.values_mut().for_each(|member| self.keep_own(member, identity));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.keep_own(item, identity)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Whether what a link of this item leads to is for this one. What is only read is for whoever reads it.
    fn is_for(&self, link: &Value, item: &Map<String, Value>, identity: &Identity) -> bool {
        let (Some(method), Some(href)) = (link["method"].as_str(), link["href"].as_str()) else { return true };
        let path = href.strip_prefix(&*self.base).unwrap_or(href);
        let path = path.split('?').next().unwrap_or(path);
        let Some(route) = self.routes.iter().find(|route| route.method == method && matches(&route.path, path)) else { return true };
        match route.who {
            Who::PersonIn(field) if !identity.is_administrator() => match item.get(field).and_then(Value::as_str) {
                Some(whose) => whose == identity.subject(),
                // What nobody has can be had by everyone, but what is done to it is for administrators.
                None => !route.path.contains('{'),
            },
            who => who.admit(identity).is_ok(),
        }
    }
}

/// Whether a path is one of those that a template such as `/reserves/{id}` has.
fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(named)) if part == named || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;

    use super::*;

    const OFFERS: [(&str, &str, Who); 5] = [
        ("GET", "/reserves/{id}", Who::Administrator),
        ("DELETE", "/reserves/{id}", Who::PersonIn("userId")),
        ("POST", "/reserves", Who::PersonIn("userId")),
        ("POST", "/reserves/{id}/no-show", Who::Operator),
        ("DELETE", "/rooms/{id}", Who::Administrator),
    ];

    fn kept(base: &str, item: &Value, identity: &Identity) -> Vec<String> {
        let declared = OFFERS.map(|(method, path, who)| Declared { method, path: path.into(), who });
        let offers = Offers::of(base, declared);
        let to = |path: &str, method: &str| json!({"href": format!("{base}{path}"), "method": method});
        let links = json!({
            "self": {"href": format!("{base}/reserves/7")}, "cancel": to("/reserves/7", "DELETE"), "reserve": to("/reserves?x=1", "POST"),
            "no-show": to("/reserves/7/no-show", "POST"), "close": to("/rooms/1", "DELETE"), "other": to("/elsewhere", "POST"),
        });
        let mut item = item.clone();
        item["_links"] = links;
        let mut page = json!({"_embedded": {"reserves": [item]}, "_links": {"self": {"href": "/reserves"}}});
        offers.keep_own(&mut page, identity);
        assert_eq!(page["_links"]["self"]["href"], "/reserves");
        page["_embedded"]["reserves"][0]["_links"].as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn what_is_offered_is_what_its_reader_may_do() {
        let one = |roles: &[Role]| Identity::new("7".into(), roles);
        let (own, others, nobodys) = (json!({"userId": "7"}), json!({"userId": "8"}), json!({"userId": null}));
        for base in ["", "/reserves", "/meetingroom"] {
            let check = |item: &Value, roles: &[Role], moves: &[&str]| {
                let expected: Vec<_> = ["self"].iter().chain(moves).chain(&["other"]).map(|name| (*name).to_owned()).collect();
                assert_eq!(kept(base, item, &one(roles)), expected, "{base} {item} {roles:?}");
            };
            check(&own, &[], &["cancel", "reserve"]);
            check(&others, &[], &[]);
            check(&nobodys, &[], &["reserve"]);
            check(&json!({}), &[], &["reserve"]);
            check(&own, &[Role::Operator], &["cancel", "reserve", "no-show"]);
            check(&others, &[Role::Operator], &["no-show"]);
            for item in [&own, &others, &nobodys] {
                check(item, &[Role::Administrator], &["cancel", "reserve", "no-show", "close"]);
            }
        }
    }
}

//! Who may do what, as routes declare it.

use std::fmt;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use kernel::Role;
use serde_json::{Map, Value};

use super::{Identity, Offers};
use crate::stream::Streamed;
use crate::{Fields, Problem, incoming};

/// Who may use a route. With `auth=open` everybody may; what stands here counts once callers prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever has proved who they are. Nothing that is shown is about a person.
    Anyone,
    /// Whoever has proved who they are; what these fields, of rows and of what happened to them, say of somebody else is hidden from
    /// people, and they can neither search nor sort by it.
    EachTheirOwn(Own),
    /// A person for themselves: the body's field names nobody else, and need not name them. Administrators for everyone.
    PersonIn(&'static str),
    /// Those who see everything and steer the installation: operators, and administrators.
    Operator,
    /// Administrators.
    Administrator,
}

/// The fields of rows, and of what happened to them, that are for one person alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Those that name the person.
    names: &'static [&'static str],
    /// Those that name nobody, and are for the person whom an object names beside them.
    secrets: &'static [&'static str],
}

impl Own {
    /// The fields that name a person.
    pub const fn named_by(names: &'static [&'static str]) -> Self {
        Self { names, secrets: &[] }
    }

    /// With these as well, each of which is shown to the person alone whom one of the others names in the same object. Where nobody is
    /// named beside them, they are shown to none but staff.
    pub const fn with(self, secrets: &'static [&'static str]) -> Self {
        Self { secrets, ..self }
    }

    /// All of them.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().chain(self.secrets).copied()
    }

    fn contains(&self, field: &str) -> bool {
        self.fields().any(|own| own == field)
    }
}

/// As the table of all routes has it.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone"),
            Self::EachTheirOwn(own) => write!(f, "anyone, each their own {}", own.fields().collect::<Vec<_>>().join("+")),
            Self::PersonIn(field) => write!(f, "the person in {field}"),
            Self::Operator => f.write_str("operator"),
            Self::Administrator => f.write_str("administrator"),
        }
    }
}

impl Who {
    /// Whether this one may come in at all.
    pub(crate) fn admit(self, identity: &Identity) -> Result<(), Problem> {
        match self {
            Self::Anyone | Self::EachTheirOwn(_) | Self::PersonIn(_) => Ok(()),
            Self::Operator if identity.is_staff() => Ok(()),
            Self::Administrator if identity.is_administrator() => Ok(()),
            Self::Operator => Err(Problem::role_missing(Role::Operator)),
            Self::Administrator => Err(Problem::role_missing(Role::Administrator)),
        }
    }

    /// Whether this one may ask just that.
    pub(crate) fn check(self, identity: &Identity, query: &str, body: &[u8]) -> Result<(), Problem> {
        match self {
            Self::PersonIn(field) if !identity.is_administrator() => {
                let fields = Fields::parse(body)?;
                // What is no text at all is nobody's id, so it is not theirs either.
                let is_own = !fields.contains(field) || fields.text(field) == Some(identity.subject());
                if is_own { Ok(()) } else { Err(Problem::not_yourself()) }
            }
            Self::EachTheirOwn(hidden) if !identity.is_staff() => {
                let is_asked = form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
                    let sorts = || value.split(',').any(|by| hidden.contains(by.trim()));
                    let is_own = hidden.names.contains(&name.as_ref()) && value.trim() == identity.subject();
                    (hidden.contains(&name) && !is_own) || (name == "sort" && sorts())
                });
                if is_asked { Err(Problem::not_yourself()) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// The field of the body that names who acts.
    pub(crate) const fn person_field(self) -> Option<&'static str> {
        match self {
            Self::PersonIn(field) => Some(field),
            Self::Anyone | Self::EachTheirOwn(_) | Self::Operator | Self::Administrator => None,
        }
    }

    /// The fields that are hidden from this one where they speak of others.
    fn hidden_from<'a>(&'a self, identity: &Identity) -> Option<Hidden<'a>> {
        match self {
            _ if identity.is_staff() => None,
            Self::EachTheirOwn(own) => Some(Hidden { names: own.names, secrets: own.secrets }),
            Self::PersonIn(field) => Some(Hidden { names: std::slice::from_ref(field), secrets: &[] }),
            Self::Anyone | Self::Operator | Self::Administrator => None,
        }
    }

    /// JSON as this one may see it. `None`: it cannot be read, and what cannot be read cannot be checked.
    pub(crate) fn show_text(self, identity: &Identity, offers: &Offers, json: String) -> Option<String> {
        let hidden = self.hidden_from(identity);
        if hidden.is_none() && !Offers::concern(identity, &json) {
            return Some(json);
        }
        let mut shown = serde_json::from_str(&json).ok()?;
        // Whose something is says who may do what with it, and may be hidden itself.
        offers.keep_own(&mut shown, identity);
        if let Some(hidden) = hidden {
            hidden.hide(&mut shown, identity.subject());
        }
        Some(shown.to_string())
    }

    /// The answer as this one may see it. It is done to the whole answer, so that no handler can forget it.
    pub(crate) async fn show(self, identity: &Identity, offers: &Offers, response: Response) -> Response {
        if identity.is_administrator() || response.extensions().get::<Streamed>().is_some() {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        // A problem may be told again, in another language.
        if let (Some(hidden), Some(problem)) = (self.hidden_from(identity), parts.extensions.get_mut::<Problem>()) {
            hidden.hide_members(&mut problem.extra, identity.subject());
        }
        // Answers are made in memory.
        let Ok(body) = body.collect().await else { return incoming::internal(&"an answer broke off").into_response() };
        let body = body.to_bytes();
        if body.is_empty() {
            return Response::from_parts(parts, body.into());
        }
        let text = String::from_utf8(body.into()).ok();
        let Some(shown) = text.and_then(|text| self.show_text(identity, offers, text)) else {
            // What cannot be read cannot be checked.
            return (StatusCode::INTERNAL_SERVER_ERROR, incoming::internal(&"an answer is no JSON")).into_response();
        };
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, shown.into())
    }
}

/// What is hidden from one person: as of [`Own`].
#[derive(Clone, Copy)]
struct Hidden<'a> {
    names: &'a [&'static str],
    secrets: &'a [&'static str],
}

impl Hidden<'_> {
    /// Takes out of a value what these fields say of others than `own`.
    fn hide(self, value: &mut Value, own: &str) {
        match value {
            Value::Object(members) => self.hide_members(members, own),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item, own)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn hide_members(self, members: &mut Map<String, Value>, own: &str) {
        let is_own = self.names.iter().any(|name| members.get(*name).and_then(Value::as_str) == Some(own));
        for (name, member) in members {
            let (names, is_secret) = (self.names.contains(&name.as_str()), self.secrets.contains(&name.as_str()));
            if (names && member.as_str() != Some(own)) || (is_secret && !is_own) {
                *member = Value::Null;
            } else {
                self.hide(member, own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_of_others_is_hidden_at_any_depth() {
        let mut shown = json!({"rows": [{"id": 1, "userId": "7"}, {"id": 2, "userId": "8", "data": {"user": "8"}}], "userId": null});
        Hidden { names: &["userId", "user"], secrets: &[] }.hide(&mut shown, "7");
        let expected = json!({"rows": [{"id": 1, "userId": "7"}, {"id": 2, "userId": null, "data": {"user": null}}], "userId": null});
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_secret_is_shown_to_whom_the_same_object_names() {
        let check = |mut item: Value, expected: Value| {
            Hidden { names: &["userId"], secrets: &["order"] }.hide(&mut item, "7");
            assert_eq!(item, expected);
        };
        check(json!({"userId": "7", "order": "a"}), json!({"userId": "7", "order": "a"}));
        check(json!({"order": "a", "userId": "8"}), json!({"order": null, "userId": null}));
        check(json!({"order": "a"}), json!({"order": null}));
        check(json!({"userId": null, "order": {"link": "a"}}), json!({"userId": null, "order": null}));
        // Of what somebody's row leads to, it is not said whose it is.
        check(json!({"userId": "7", "of": {"order": "a"}}), json!({"userId": "7", "of": {"order": null}}));
    }

    #[test]
    fn who_may_is_who_has_the_role() {
        let check = |who: Who, roles: &[Role], code: Option<&str>| {
            let refused = who.admit(&Identity::new("7".into(), roles)).err();
            assert_eq!(refused.as_ref().map(|problem| problem.code.as_ref()), code, "{who} {roles:?}");
        };
        let (administrator, operator) = ([Role::Administrator], [Role::Operator]);
        check(Who::Anyone, &[], None);
        check(Who::PersonIn("userId"), &operator, None);
        check(Who::Operator, &[], Some("operators-only"));
        check(Who::Operator, &operator, None);
        check(Who::Operator, &administrator, None);
        check(Who::Administrator, &[], Some("administrators-only"));
        check(Who::Administrator, &operator, Some("administrators-only"));
        check(Who::Administrator, &administrator, None);
    }

    #[test]
    fn a_person_names_and_asks_for_nobody_else() {
        let check = |who: Who, roles: &[Role], query: &str, body: &str, code: Option<&str>| {
            let refused = who.check(&Identity::new("7".into(), roles), query, body.as_bytes()).err();
            assert_eq!(refused.as_ref().map(|problem| problem.code.as_ref()), code, "{who} {roles:?} {query} {body}");
        };
        let (refused, person, rows) =
            (Some("not-yourself"), Who::PersonIn("userId"), Who::EachTheirOwn(Own::named_by(&["userId"]).with(&["order"])));
        for (body, code) in [
            ("", None),
            (r#"{"userId": 7}"#, None),
            (r#"{"userId": " 7 "}"#, None),
            (r#"{"userId": null}"#, None),
            (r#"{"userId": "8", "userId": "7"}"#, None),
            (r#"{"userId": "8"}"#, refused),
            (r#"{"userId": "7", "userId": "8"}"#, refused),
            (r#"{"userId": {"x": "7"}}"#, refused),
            (r#"{"userId": 7.0}"#, refused),
            ("{", Some("malformed-json")),
        ] {
            check(person, &[], "", body, code);
        }
        check(person, &[Role::Operator], "", r#"{"userId": "8"}"#, refused);
        check(person, &[Role::Administrator], "", r#"{"userId": "8"}"#, None);
        check(rows, &[], "userId=7&sort=id,desc", "", None);
        check(rows, &[], "userId=8", "", refused);
        check(rows, &[], "user%49d=8", "", refused);
        check(rows, &[], "sort=id,%20userId,desc", "", refused);
        check(rows, &[], "order=7", "", refused);
        check(rows, &[], "sort=order", "", refused);
        check(rows, &[Role::Operator], "userId=8&sort=userId&order=7", "", None);
    }
}

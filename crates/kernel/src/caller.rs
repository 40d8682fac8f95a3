use std::fmt;

use serde::{Deserialize, Serialize};

/// Who asks: a person, someone with a role, or a part of the installation itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Caller {
    /// A person, by the id under which the systems know them.
    Person(String),
    /// Someone who may act for everyone. Where nobody is named and nobody has to be, this is who acts.
    Administrator,
    /// Someone who has proved to have a role, by their own id.
    Staff(Role, String),
    /// A policy, a saga or the clock, by its durable name.
    Internal(String),
}

/// What someone may do beyond what everyone may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Acts for everyone, and sees everything.
    Administrator,
    /// Sees everything, and steers the installation; acts for nobody else.
    Operator,
}

impl Caller {
    /// The clock: what happens because its time has come.
    pub fn clock() -> Self {
        Self::Internal("clock".into())
    }

    /// The person, when the caller is one and so may act only for themselves.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Person(id) => Some(id),
            Self::Administrator | Self::Staff(..) | Self::Internal(_) => None,
        }
    }
}

impl Role {
    /// Its durable name, as tokens and stored events have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Administrator, Self::Operator].into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// This form stands in stored events, and before every idempotency key: what it was for a caller, it stays.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Administrator => f.write_str("administrator"),
            Self::Staff(role, id) => write!(f, "{role}:{id}"),
            Self::Internal(name) => write!(f, "internal:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_stored_under_a_name_that_stays() {
        let check = |caller: &Caller, stored: &str| assert_eq!(caller.to_string(), stored);
        check(&Caller::Person("7".into()), "person:7");
        check(&Caller::Administrator, "administrator");
        check(&Caller::Staff(Role::Administrator, "kim".into()), "administrator:kim");
        check(&Caller::Staff(Role::Operator, "lee".into()), "operator:lee");
        check(&Caller::clock(), "internal:clock");
    }

    #[test]
    fn a_role_is_found_by_its_name_alone() {
        assert_eq!(Role::named("operator"), Some(Role::Operator));
        assert_eq!(Role::named("Operator"), None);
        assert_eq!(Role::named(""), None);
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who asks: a person, an administrator, or a part of the installation itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Caller {
    /// A person, by the id under which the systems know them.
    Person(String),
    /// Someone who may act for everyone. Where nobody is named and nobody has to be, this is who acts.
    Administrator,
    /// A policy, a saga or the clock, by its durable name.
    Internal(String),
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
            Self::Administrator | Self::Internal(_) => None,
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Administrator => f.write_str("administrator"),
            Self::Internal(name) => write!(f, "internal:{name}"),
        }
    }
}

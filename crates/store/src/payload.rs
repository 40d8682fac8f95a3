use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use kernel::misread;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

/// The JSON of a published event, which is read once however many follow it.
#[derive(Default)]
pub struct Payload {
    json: String,
    /// The event as its first reader read it. All who share it read the same type, which its source declares.
    read: OnceLock<Option<Arc<dyn Any + Send + Sync>>>,
}

impl Payload {
    /// The event that the JSON says.
    ///
    /// # Errors
    /// What is wrong with the JSON, without its values.
    pub fn read<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>, String> {
        let known = self.read.get_or_init(|| serde_json::from_str::<T>(&self.json).ok().map(|event| Arc::new(event) as Arc<_>));
        match known.as_ref().and_then(|event| Arc::clone(event).downcast().ok()) {
            Some(event) => Ok(event),
            // What could not be read, or was read as another type, is read again: rarely, and for the sake of the message.
            None => serde_json::from_str(&self.json).map(Arc::new).map_err(|error| misread(&error)),
        }
    }
}

impl Deref for Payload {
    type Target = str;

    fn deref(&self) -> &str {
        &self.json
    }
}

impl From<String> for Payload {
    fn from(json: String) -> Self {
        Self { json, read: OnceLock::new() }
    }
}

impl Clone for Payload {
    fn clone(&self) -> Self {
        Self { json: self.json.clone(), read: self.read.clone() }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json.fmt(f)
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Payload {}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_read_once_and_shared() {
        let payload = Payload::from("[1, 2]".to_owned());
        let first = payload.read::<Vec<u8>>().unwrap();
        assert!(Arc::ptr_eq(&first, &payload.clone().read().unwrap()));
        assert_eq!(*first, [1, 2]);
    }

    #[test]
    fn another_type_reads_it_for_itself_and_what_does_not_read_says_why() {
        let payload = Payload::from("[1, 2]".to_owned());
        assert!(payload.read::<String>().is_err());
        assert_eq!(*payload.read::<Vec<u8>>().unwrap(), [1, 2]);
        assert_eq!(*payload.read::<[u16; 2]>().unwrap(), [1, 2]);
    }
}

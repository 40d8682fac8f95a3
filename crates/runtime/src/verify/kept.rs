//! What was answered under keys: to clients, and to other services' calls.

use store::{Record, RecordKind, StoreError};

use super::{AT_ONCE, About, Audit};
use crate::writer::{CallRecord, ClientRecord};

impl Audit<'_> {
    pub(super) fn kept(&mut self, about: &About<'_>) -> Result<(), StoreError> {
        for (kind, name) in [(RecordKind::Answer, "answer"), (RecordKind::Call, "call")] {
            let mut after = String::new();
            loop {
                let service = about.service.name;
                let Some(records) = self.read(service, name, "all", |snapshot| snapshot.records(service, kind, &after, AT_ONCE))? else {
                    break;
                };
                let Some((last, _)) = records.last() else { break };
                after.clone_from(last);
                for (key, record) in &records {
                    let wrong = match kind {
                        RecordKind::Answer => self.answer(about, record)?,
                        RecordKind::Call => call(key, record),
                    };
                    if let Some(wrong) = wrong {
                        // A client's key is whatever it chose, so it is shown as it stands.
                        self.found(service, name, key, wrong);
                    }
                }
            }
        }
        Ok(())
    }

    /// An answer shows a row that its service has, or had.
    fn answer(&self, about: &About<'_>, record: &Record) -> Result<Option<String>, StoreError> {
        let record: ClientRecord = match serde_json::from_str(&record.value) {
            Ok(record) => record,
            Err(error) => return Ok(Some(format!("cannot be read: {error}"))),
        };
        let Some(shown) = record.answer.and_then(|answer| answer.shown) else { return Ok(None) };
        let known = about.scratch.knows(&shown.collection, shown.id)?;
        Ok((!known).then(|| format!("it shows {}/{}, which no event makes", shown.collection, shown.id)))
    }
}

/// A call's outcome reads, and its key says whose it was.
fn call(key: &str, record: &Record) -> Option<String> {
    if let Err(error) = serde_json::from_str::<CallRecord>(&record.value) {
        return Some(format!("cannot be read: {error}"));
    }
    let born = key.rsplit_once('@').and_then(|(call, born)| (call.split('/').count() >= 4).then_some(born)?.parse::<i64>().ok());
    born.is_none().then(|| "its key is none of a saga's step".into())
}

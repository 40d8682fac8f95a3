use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use store::{FeedEvent, Position, SHARDS, Shard};

/// Where an event stands among all that are published: `reserve:1.3.42` is the 42nd of shard 3 of what reserve publishes, in epoch 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPosition {
    /// The service that published it.
    pub source: String,
    /// Its shard.
    pub shard: Shard,
    /// Its place there.
    pub position: Position,
}

/// A text is none of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no position, such as reserve:1.3.42: service, epoch, shard and number")]
pub struct NotAPosition;

impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}.{}.{}", self.source, self.position.epoch, self.shard, self.position.seq)
    }
}

impl FromStr for FeedPosition {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (source, numbers) = text.split_once(':').ok_or(NotAPosition)?;
        let mut numbers = numbers.split('.');
        let mut next = || numbers.next().ok_or(NotAPosition);
        let (epoch, shard, seq) = (next()?.parse(), next()?.parse(), next()?.parse());
        let (Ok(epoch), Ok(shard), Ok(seq), Err(_)) = (epoch, shard, seq, next()) else { return Err(NotAPosition) };
        let read = Self { source: source.into(), shard, position: Position { epoch, seq } };
        // It is written in one way only, and epochs and numbers begin at 1.
        let is_one = shard < SHARDS && epoch > 0 && seq > 0 && !source.is_empty() && read.to_string() == text;
        if is_one { Ok(read) } else { Err(NotAPosition) }
    }
}

impl FeedPosition {
    /// Of these events, the last of each shard.
    pub(crate) fn last_of(events: &[Arc<FeedEvent>]) -> Vec<Self> {
        let mut last: Vec<Self> = Vec::new();
        for event in events {
            let position = Self { source: event.source.clone(), shard: event.shard, position: event.position };
            match last.iter_mut().find(|one| one.shard == event.shard) {
                Some(one) => *one = position,
                None => last.push(position),
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_written_in_one_way() {
        let read = "reserve:1.3.42".parse::<FeedPosition>().unwrap();
        assert_eq!((read.source.as_str(), read.shard, read.position), ("reserve", 3, Position { epoch: 1, seq: 42 }));
        assert_eq!(read.to_string(), "reserve:1.3.42");
        for text in [
            "",
            ":",
            "reserve",
            "reserve:",
            ":1.3.42",
            "reserve:1.3",
            "reserve:1.3.42.5",
            "reserve:0.3.42",
            "reserve:1.16.42",
            "reserve:1.3.0",
            "reserve:+1.3.42",
            "reserve:01.3.42",
            "reserve:1.3.42 ",
            "reserve:1.-3.42",
            "reserve:1.3.99999999999999999999",
            "a:b:1.3.42",
        ] {
            assert_eq!(text.parse::<FeedPosition>(), Err(NotAPosition), "{text}");
        }
    }
}

//! Where a write stands, `Yeyak-Position`, and reading no earlier than that, `Yeyak-Wait-For`.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use runtime::{FeedPosition, NotReached, ServiceHandle};

use crate::{Problem, unreadable};

/// On every answer to a write that stands: the positions of what it published, `reserve:1.3.42` (service, epoch, shard, number), separated
/// by commas.
pub const POSITION: HeaderName = HeaderName::from_static("yeyak-position");

/// On a read: positions to be waited for.
pub const WAIT_FOR: HeaderName = HeaderName::from_static("yeyak-wait-for");

/// The most positions that one read can wait for: all shards of four services.
pub(crate) const MOST: usize = 64;

/// How long someone who came too early should wait.
const COME_BACK: Duration = Duration::from_secs(1);

/// Writes positions; nothing when there are none.
pub(crate) fn put(headers: &mut HeaderMap, positions: &[FeedPosition]) {
    let text = positions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if let Ok(value) = HeaderValue::from_str(&text)
        && !text.is_empty()
    {
        headers.insert(POSITION, value);
    }
}

/// Waits for what a reader wants to see, if it wants to.
pub(crate) async fn wait(headers: &HeaderMap, service: &ServiceHandle, within: Duration) -> Result<(), Problem> {
    let positions = wanted(headers)?;
    if positions.is_empty() {
        return Ok(());
    }
    match service.reach(&positions, within).await {
        Ok(()) => Ok(()),
        Err(NotReached::NotASource(_)) => {
            let detail = format!("Yeyak-Wait-For names a service that {} does not follow itself.", service.name());
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not-a-source", detail))
        }
        Err(NotReached::Lost) => {
            let detail = "What Yeyak-Wait-For names was lost when data was restored. Look at what stands now.";
            Err(Problem::new(StatusCode::GONE, "position-lost", detail))
        }
        Err(NotReached::Late) => {
            let detail = "What Yeyak-Wait-For names has not arrived here yet. Please try again shortly.";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-caught-up", detail).after(COME_BACK))
        }
        Err(NotReached::Unreadable(error)) => Err(unreadable(error)),
    }
}

fn wanted(headers: &HeaderMap) -> Result<Vec<FeedPosition>, Problem> {
    let malformed = || {
        let detail = format!("Yeyak-Wait-For must have up to {MOST} positions such as reserve:1.3.42, separated by commas.");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed-position", detail)
    };
    let mut positions = Vec::new();
    for value in headers.get_all(WAIT_FOR) {
        for text in value.to_str().map_err(|_| malformed())?.split(',') {
            let position: FeedPosition = text.trim().parse().map_err(|_| malformed())?;
            // As the contract has it: what is no name of a service is not looked for.
            if !position.source.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
                return Err(malformed());
            }
            positions.push(position);
            if positions.len() > MOST {
                return Err(malformed());
            }
        }
    }
    Ok(positions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_a_list() {
        let check = |values: &[&str], count: Option<usize>| {
            let headers: HeaderMap = values.iter().map(|value| (WAIT_FOR, HeaderValue::from_str(value).unwrap())).collect();
            assert_eq!(wanted(&headers).ok().map(|positions| positions.len()), count, "{values:?}");
        };
        check(&[], Some(0));
        check(&["reserve:1.3.42"], Some(1));
        check(&["reserve:1.3.42 ,room:1.0.1", "room:1.1.1"], Some(3));
        check(&["orderManagement:1.15.1"], Some(1));
        for bad in
            ["", ",", "reserve:1.3.42,", "reserve", "reserve:1.3.42;x", "reserve:1.16.1", "reserve:1.03.1", "a b:1.3.42", "a_b:1.3.42"]
        {
            check(&[bad], None);
        }
        check(&[&vec!["a:1.0.1"; MOST].join(",")], Some(MOST));
        check(&[&vec!["a:1.0.1"; MOST + 1].join(",")], None);
    }
}

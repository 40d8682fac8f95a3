use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Answer, Asked};

/// An answer that is still being told.
pub struct Live {
    heard: Arc<Mutex<Heard>>,
    _hangs_up: oneshot::Sender<()>,
}

#[derive(Default)]
struct Heard {
    head: Option<(StatusCode, HeaderMap)>,
    text: String,
    has_ended: bool,
}

/// One server-sent event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What is to be sent on coming back.
    pub id: Option<String>,
    /// What it is called.
    pub event: String,
    /// What it says.
    pub data: Value,
}

impl Live {
    pub(super) fn begin(asked: Asked, router: Router, pieces: usize) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (heard, (hangs_up, mut hung_up)) = (Arc::<Mutex<Heard>>::default(), oneshot::channel::<()>());
        let told = Arc::clone(&heard);
        let listening = async move {
            let (parts, mut body) = asked.begin(router).await.into_parts();
            lock(&told).head = Some((parts.status, parts.headers));
            for _ in 0..pieces {
                let frame = tokio::select! {
                    biased;
                    _ = &mut hung_up => return,
                    frame = body.frame() => frame,
                };
                let Some(Ok(frame)) = frame else {
                    lock(&told).has_ended = true;
                    return;
                };
                if let Ok(data) = frame.into_data() {
                    lock(&told).text.push_str(&String::from_utf8_lossy(&data));
                }
            }
            // Whoever does not read still holds the line.
            let _ = hung_up.await;
        };
        (Self { heard, _hangs_up: hangs_up }, listening)
    }

    /// The answer as far as it was heard.
    ///
    /// # Panics
    /// When there is none yet.
    #[track_caller]
    pub fn so_far(&self) -> Answer {
        let heard = lock(&self.heard);
        let Some((status, headers)) = heard.head.clone() else { panic!("there is no answer yet") };
        Answer { asked: "a stream".into(), status, headers, text: heard.text.clone() }
    }

    /// Whether it has come to an end.
    pub fn has_ended(&self) -> bool {
        lock(&self.heard).has_ended
    }

    /// The events that were heard, whole ones only, those without data left out.
    pub fn events(&self) -> Vec<Told> {
        let text = self.so_far().text;
        let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        let mut last_id = None;
        let mut told = Vec::new();
        for block in whole.split("\n\n") {
            let of = |name: &str| {
                let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                lines.map(|value| value.strip_prefix(' ').unwrap_or(value).to_owned()).collect::<Vec<_>>()
            };
            last_id = of("id").pop().or(last_id);
            if let Some(event) = of("event").pop() {
                let data = serde_json::from_str(&of("data").join("\n")).unwrap_or_default();
                told.push(Told { id: last_id.clone(), event, data });
            }
        }
        told
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

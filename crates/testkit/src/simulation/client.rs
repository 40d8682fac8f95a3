//! Clients outside of the process: they outlive it, repeat what has a key, and remember what they heard.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use clock::{Clock, ManualClock};
use fastrand::Rng;
use runtime::Spawner;
use tokio::sync::oneshot;

use super::Course;
use crate::app::{Answer, Asked};

/// How often a client tries the same: some of what they ask for never comes to anything.
const TRIES: usize = 12;

/// How a request ended for the client.
#[derive(Clone, Debug)]
pub enum Heard {
    /// With an answer, which says what happened unless it [is to be repeated](Answer::is_to_be_repeated).
    Answer(Answer),
    /// With nothing: the process went, or the answer was lost.
    Nothing,
}

/// The way to the process that runs now, if one does.
#[derive(Default)]
pub(super) struct Network {
    pub(super) process: Option<(Router, Spawner)>,
    pub(super) deaf: u8,
}

/// What clients share.
pub(super) struct Shared {
    pub(super) network: Mutex<Network>,
    pub(super) course: Mutex<Box<dyn Course>>,
    pub(super) log: Mutex<Vec<String>>,
    pub(super) told: Mutex<Told>,
}

/// What clients were told.
#[derive(Default)]
pub(super) struct Told {
    /// Requests with a key that were accepted, and how.
    pub(super) kept: Vec<(Asked, Answer)>,
    /// Answers that should never be given.
    pub(super) wrong: Vec<String>,
    pub(super) accepted: usize,
    pub(super) refused: usize,
    pub(super) unknown: usize,
    pub(super) finished: usize,
}

/// Nothing that is locked here is left half done by a panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Client {
    pub(super) number: usize,
    pub(super) requests: usize,
    pub(super) clock: ManualClock,
    pub(super) rng: Rng,
    pub(super) shared: Arc<Shared>,
}

impl Client {
    /// Sends its requests one after the other.
    pub(super) async fn run(mut self) {
        for count in 0..self.requests {
            let asked = lock(&self.shared.course).next(self.clock.now(), &mut self.rng);
            let asked = if self.rng.bool() { asked.once(format!("c{}-{count}", self.number)) } else { asked };
            let heard = self.ask(&asked).await;
            lock(&self.shared.course).heard(&asked, &heard);
            self.remember(asked, heard);
            if self.rng.u8(..4) == 0 {
                let pause = Duration::from_millis(self.rng.u64(1..60_000));
                self.clock.sleep(pause).await;
            }
        }
        lock(&self.shared.told).finished += 1;
    }

    /// What a request comes to. With a key it is repeated until that is certain, or patience ends; the key makes that harmless.
    async fn ask(&mut self, asked: &Asked) -> Heard {
        let has_key = asked.headers.iter().any(|(name, _)| name == "idempotency-key");
        let mut tries = 0;
        loop {
            let heard = self.try_once(asked).await;
            let certain = matches!(&heard, Heard::Answer(answer) if !answer.is_to_be_repeated());
            tries += 1;
            if certain || !has_key {
                return heard;
            }
            if tries == TRIES {
                // What came of the earlier tries is not known.
                return Heard::Nothing;
            }
            let pause = Duration::from_millis(self.rng.u64(1..3_000));
            self.clock.sleep(pause).await;
        }
    }

    async fn try_once(&mut self, asked: &Asked) -> Heard {
        let (router, spawner) = loop {
            let process = lock(&self.shared.network).process.clone();
            match process {
                Some(process) => break process,
                // Nobody takes the connection, so nothing was sent.
                None => self.clock.sleep(Duration::from_millis(50)).await,
            }
        };
        self.log(format!("{} asks {}", self.number, asked.line()));
        let (tell, told) = oneshot::channel();
        let sending = asked.clone().send(router);
        // The request is worked on inside the process, and goes when that goes.
        spawner(Box::pin(async move {
            let _ = tell.send(sending.await);
        }));
        let deaf = self.rng.u8(..100) < lock(&self.shared.network).deaf;
        match told.await {
            Ok(answer) if !deaf => {
                self.log(format!("{} hears {} {} of {}", self.number, answer.status.as_u16(), answer.text, answer.asked));
                Heard::Answer(answer)
            }
            _ => {
                self.log(format!("{} hears nothing of {}", self.number, asked.line()));
                Heard::Nothing
            }
        }
    }

    fn remember(&self, asked: Asked, heard: Heard) {
        let mut told = lock(&self.shared.told);
        match heard {
            Heard::Answer(answer) if answer.status.as_u16() == 500 => told.wrong.push(format!("{} was answered 500", asked.line())),
            Heard::Answer(answer) if answer.is_to_be_repeated() => told.unknown += 1,
            Heard::Answer(answer) if answer.status.is_success() => {
                told.accepted += 1;
                // What merely stands already is decided anew each time.
                if asked.headers.iter().any(|(name, _)| name == "idempotency-key") && answer.status.as_u16() != 200 {
                    told.kept.push((asked, answer));
                }
            }
            Heard::Answer(_) => told.refused += 1,
            Heard::Nothing => told.unknown += 1,
        }
    }

    fn log(&self, line: String) {
        lock(&self.shared.log).push(format!("{} {line}", self.clock.now()));
    }
}

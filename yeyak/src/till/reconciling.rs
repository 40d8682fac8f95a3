//! Our book beside the provider's: once a day, and whenever an operator asks.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use booking::Zone;
use clock::{SharedClock, until};
use edge::actuator::Show;
use jiff::civil::Date;
use kernel::Timestamp;
use payments::{Booked, Disagreement, Dispute, Provider, Sums, Transaction, TransactionKind, reconcile};
use restaurant::book::{self, Entry, GIVEN_BACK_WITHIN};
use restaurant::reservation::api::reservation_of;
use runtime::SystemHandle;
use serde_json::{Value, json};
use telemetry::Metric;

/// Payments that were made within this time are compared, unless a day is named. Nearly all refunds are made within it.
const LOOKED_BACK: Duration = Duration::from_secs(60 * 24 * 3600);

/// How far apart the times can be that the two books have of one payment.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// How long after midnight it is done by itself each day: when few guests pay.
const AFTER_MIDNIGHT: Duration = Duration::from_secs(4 * 3600);

/// How long it waits before it tries again where the provider could not be asked.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(600);

const DISAGREEMENTS: Metric = Metric {
    name: "yeyak_payments_disagreements",
    help: "Payments about which the provider and we disagreed when the two were last compared; not a number before that.",
};
const AGE: Metric = Metric {
    name: "yeyak_payments_reconciled_age_seconds",
    help: "How long ago the provider's payments and ours were last compared, or the process was started.",
};

/// The books of one system, and what came of comparing them last.
pub(crate) struct Reconciler {
    system: SystemHandle,
    provider: Arc<dyn Provider>,
    zone: Zone,
    clock: SharedClock,
    last: Mutex<Last>,
}

struct Last {
    /// How many disagreements there were, once they were counted.
    found: Option<usize>,
    /// On the clock that only goes forward.
    at: Duration,
}

/// Which payments are compared: those that were made from one instant until another.
#[derive(Clone, Copy)]
struct Window {
    from: Timestamp,
    until: Timestamp,
}

/// Both books at about one time.
struct Look {
    disagreements: Vec<Disagreement>,
    ours: BTreeMap<String, Entry>,
    compared: usize,
}

impl Reconciler {
    /// Of this system, whose days are those of this zone.
    pub(crate) fn new(system: SystemHandle, provider: Arc<dyn Provider>, zone: Zone, clock: SharedClock) -> Self {
        let last = Mutex::new(Last { found: None, at: clock.elapsed() });
        Self { system, provider, zone, clock, last }
    }

    /// Compares the payments that were made on `day`, or lately, and tells what the provider and we disagree about.
    ///
    /// # Errors
    /// When one of the books cannot be read now, or the day is none: a sentence.
    pub(crate) async fn compare(&self, day: Option<Date>) -> Result<Value, String> {
        let window = self.window(day)?;
        let mut look = self.look(window).await?;
        if !look.disagreements.is_empty() {
            // What moved while the books were read looks like a disagreement, and does so only once.
            let again = self.look(window).await?;
            look.disagreements.retain(|one| again.disagreements.contains(one));
            look.ours = again.ours;
        }
        if day.is_none() {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
                Last { found: Some(look.disagreements.len()), at: self.clock.elapsed() };
        }
        let told: Vec<Value> = look.disagreements.iter().map(|one| self.told(one, &look)).collect();
        Ok(json!({
            "system": self.system.name(), "provider": self.provider.name(), "from": window.from.to_string(), "until": window.until.to_string(),
            "payments": look.compared, "disagreements": told,
        }))
    }

    /// Compares them each day, for as long as the process runs, and logs what they disagree about.
    pub(crate) async fn run(&self) {
        loop {
            let now = self.clock.now();
            self.clock.sleep(until(now, self.next(now))).await;
            while let Err(why) = self.compare(None).await.map(|result| self.log(&result)) {
                tracing::warn!(system = self.system.name(), why, "payments could not be compared with the provider's; it is tried again");
                self.clock.sleep(TRIED_AGAIN_AFTER).await;
            }
        }
    }

    /// When it is to be done next.
    fn next(&self, now: Timestamp) -> Timestamp {
        let today = self.zone.date(now);
        let days = [Some(today), today.tomorrow().ok()];
        let at = |day| self.zone.midnight(day)?.checked_add(AFTER_MIDNIGHT).ok();
        days.into_iter().flatten().filter_map(at).find(|at| *at > now).unwrap_or(Timestamp::MAX)
    }

    fn log(&self, result: &Value) {
        let disagreements = result["disagreements"].as_array().map_or(&[][..], Vec::as_slice);
        for one in disagreements {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let (reservation, order, payment) = (one["reservationNo"].as_u64(), text("order"), text("payment"));
            let (what, since) = (text("what"), text("since"));
            tracing::warn!(system = self.system.name(), reservation, order, payment, what, since, "the payment provider and we disagree");
        }
        let (payments, found) = (result["payments"].as_u64(), disagreements.len());
        tracing::info!(system = self.system.name(), payments, disagreements = found, "payments were compared with the provider's");
    }

    fn window(&self, day: Option<Date>) -> Result<Window, String> {
        let now = self.clock.now();
        let Some(day) = day else {
            let from = now.checked_sub(LOOKED_BACK).unwrap_or(Timestamp::MIN);
            return Ok(Window { from, until: now });
        };
        let midnight = |day: Date| self.zone.midnight(day).ok_or_else(|| format!("{day} is no day here"));
        let (from, until) = (midnight(day)?, midnight(day.tomorrow().map_err(|error| error.to_string())?)?);
        if from > now { Err(format!("{day} has not begun")) } else { Ok(Window { from, until }) }
    }

    async fn look(&self, window: Window) -> Result<Look, String> {
        let away = |error: &dyn std::fmt::Display| format!("{}: {error}", self.system.name());
        let now = self.clock.now();
        let mut moving = book::under_way(&self.system).await.map_err(|error| away(&error))?;
        // Refunds come later than what they are of, so all that has moved since then is asked for; and a payment at the edge may be within
        // by one book alone.
        let from = window.from.checked_sub(CLOCKS_DIFFER).unwrap_or(Timestamp::MIN);
        let end = now.checked_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX);
        let theirs = self.provider.transactions(from, end).await.map_err(|error| format!("{}: {error}", self.provider.name()))?;
        let ours = book::paid_since(&self.system, from, now).await.map_err(|error| away(&error))?;
        moving.extend(book::under_way(&self.system).await.map_err(|error| away(&error))?);

        let names = made_within(window, &ours, &theirs);
        let theirs: Vec<Transaction> = theirs.iter().filter(|one| names.contains(one.payment.as_str())).cloned().collect();
        let booked: Vec<Booked> =
            ours.values().map(|entry| &entry.booked).filter(|one| names.contains(one.payment.as_str())).cloned().collect();
        let mut disagreements = reconcile(booked, &theirs, from);
        let is_recent = |one: &Disagreement| one.since.checked_add(GIVEN_BACK_WITHIN).is_ok_and(|until| now <= until);
        disagreements.retain(|one| match ours.get(&one.payment) {
            Some(entry) if entry.is_moving() => false,
            // It has been on its way for too long.
            Some(entry) if entry.booked.is_owed => true,
            _ => !is_recent(one) || reservation_of(&one.order).is_none_or(|id| !moving.contains(&id)),
        });
        let compared = names.len();
        Ok(Look { disagreements, ours, compared })
    }

    fn told(&self, one: &Disagreement, look: &Look) -> Value {
        let sums = |sums: Sums| json!({"paid": sums.paid, "refunded": sums.refunded});
        let mut ours = one.ours.map(sums);
        if let (Some(ours), Some(entry)) = (&mut ours, look.ours.get(&one.payment)) {
            ours["status"] = json!(entry.status);
        }
        json!({
            "system": self.system.name(), "reservationNo": reservation_of(&one.order), "order": one.order, "payment": one.payment,
            "what": kind(&one.dispute), "ours": ours, "theirs": one.theirs.map(sums), "since": one.since.to_string(), "detail": one.to_string(),
        })
    }
}

/// The payments that were made in this time, by either book.
fn made_within(window: Window, ours: &BTreeMap<String, Entry>, theirs: &[Transaction]) -> BTreeSet<String> {
    let is_within = |at: Timestamp| window.from <= at && at < window.until;
    let made = theirs.iter().filter(|one| one.kind == TransactionKind::Payment && is_within(one.at)).map(|one| one.payment.clone());
    made.chain(ours.values().map(|entry| &entry.booked).filter(|one| is_within(one.at)).map(|one| one.payment.clone())).collect()
}

/// What sort of disagreement it is, in a word that stays the same.
const fn kind(dispute: &Dispute) -> &'static str {
    match dispute {
        Dispute::OnlyThere { .. } => "only-there",
        Dispute::OnlyHere { .. } => "only-here",
        Dispute::OtherAmount { .. } => "other-amount",
        Dispute::OtherOrder { .. } => "other-order",
        Dispute::RefundedThere { .. } => "refunded-there",
        Dispute::RefundedHere { .. } => "refunded-here",
        Dispute::Owed { .. } => "owed",
    }
}

/// Compares the books of all of them, one after the other.
///
/// # Errors
/// When one cannot be read.
pub(crate) async fn all(reconcilers: &[Arc<Reconciler>], day: Option<Date>) -> Result<Value, String> {
    let (mut systems, mut disagreements) = (Vec::new(), Vec::new());
    for one in reconcilers {
        let mut result = one.compare(day).await?;
        disagreements.extend(result["disagreements"].take().as_array().into_iter().flatten().cloned());
        if let Some(fields) = result.as_object_mut() {
            fields.remove("disagreements");
        }
        systems.push(result);
    }
    Ok(json!({"agrees": disagreements.is_empty(), "systems": systems, "disagreements": disagreements}))
}

/// What metrics show of them.
pub(crate) fn shows(reconcilers: Vec<Arc<Reconciler>>) -> Show {
    Arc::new(move |to| {
        for one in &reconcilers {
            let last = one.last.lock().unwrap_or_else(PoisonError::into_inner);
            let labels = [("system", one.system.name())];
            to.gauge(DISAGREEMENTS, &labels, last.found.map_or(f64::NAN, |found| found as f64));
            to.gauge(AGE, &labels, one.clock.elapsed().saturating_sub(last.at).as_secs_f64());
        }
    })
}

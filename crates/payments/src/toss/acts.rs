//! What is done for each call. All of it begins with a look at how the payment stands.

use std::time::Duration;

use calls::CallKey;
use clock::timeout;
use kernel::{CallError, Currency, Money, Refused};
use sha2::{Digest as _, Sha256};

use super::Toss;
use super::api::Trouble;
use super::closed::SENT_WITHIN;
use super::verdict::{Confirming, GivingBack, confirming, giving_back, is_not_found, is_not_us};
use super::webhook::is_payment;
use super::wire::{Confirm, GiveBack, Payment, PaymentStatus};
use crate::api::{Approve, Charge, Charged, Paid, Refund, Refunded};
use crate::asked::{not_yet, nothing_stands, reply, timed_out, unavailable};
use crate::refusals::{currency_not_taken, declined, mismatch, not_found, refund_refused};

/// How long a guest's browser, or a notice, waits to hear how a payment stands.
const PATIENCE: Duration = Duration::from_secs(5);

/// A reason for giving money back has up to so many letters.
const LONGEST_REASON: usize = 200;

type Answer = Result<String, CallError>;

impl Toss {
    /// What it takes money in. A contract for other currencies is one of its own.
    pub const CURRENCIES: &'static [Currency] = &[Currency::Krw];

    /// No money is taken for a charge itself, so there is nothing that could have come of it but its link.
    pub(super) fn charge(&self, charge: &Charge, key: &CallKey) -> Answer {
        won(charge.amount)?;
        if self.closed.is_closed(&hashed(key, "")) {
            return refused(Refused::cancelled());
        }
        reply::<Charge>(&Charged::Pending { checkout: format!("{}/{}", self.checkout, charge.order) })
    }

    /// Whatever stands for the order is given back. A confirmation that is still on its way has a key of its own, and is cancelled by it.
    pub(super) async fn cancel_charge(&self, charge: &Charge, key: &CallKey) -> Answer {
        self.closed.close(&hashed(key, ""), self.clock.elapsed());
        let path = format!("/v1/payments/orders/{}", charge.order);
        let standing = self.look_up(&path).await.map_err(|trouble| troubled(&trouble))?;
        let Some(payment) = standing.filter(|payment| is_of(payment, &charge.order, charge.amount)) else { return Ok(nothing_stands()) };
        match payment.status {
            PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::WaitingForDeposit => {
                self.give_all_back(&payment, key).await
            }
            PaymentStatus::Ready | PaymentStatus::InProgress => Ok(nothing_stands()),
            PaymentStatus::Canceled | PaymentStatus::Aborted | PaymentStatus::Expired => Ok(nothing_stands()),
            PaymentStatus::Unknown => Err(not_yet()),
        }
    }

    pub(super) async fn approve(&self, approve: &Approve, key: &CallKey) -> Answer {
        won(approve.amount)?;
        if !is_payment(&approve.payment) {
            return refused(not_found("MALFORMED"));
        }
        let name = hashed(key, "");
        if self.closed.is_closed(&name) {
            return self.recall_approve(approve, key).await;
        }
        // Nothing is sent yet that could take money, so what goes wrong here decides nothing.
        let standing = self.look_up(&by_key(&approve.payment)).await.map_err(|trouble| nothing_decided(&trouble))?;
        if let Some(came) = standing.as_ref().and_then(|payment| came_of(payment, approve)) {
            return told(came);
        }
        // It may have been cancelled while Toss was asked.
        if self.age(key) > SENT_WITHIN || !self.closed.may_send(&name, self.clock.elapsed()) {
            return Err(not_yet());
        }
        let body = Confirm { payment_key: &approve.payment, order_id: &approve.order, amount: approve.amount.minor };
        match self.api.post::<Payment>("/v1/payments/confirm", &hashed(key, "confirm"), &body).await {
            // It was asked for this payment alone, so an answer about another says nothing of what became of it.
            Ok(payment) if !is_of(&payment, &approve.order, approve.amount) => Err(not_done(&payment)),
            Ok(payment) => came_of(&payment, approve).map_or_else(|| Err(not_done(&payment)), told),
            Err(Trouble::Said { status, code }) => match confirming(status, &code) {
                Confirming::Declined => refused(declined(&code)),
                Confirming::NotFound => refused(not_found(&code)),
                Confirming::Mismatch => refused(mismatch(&code)),
                Confirming::NotUs => Err(not_us(&code)),
                Confirming::Open => self.look_again(approve, &code).await,
                Confirming::Away => Err(away(&approve.order, status, &code)),
            },
            Err(trouble @ (Trouble::Unreached(_) | Trouble::Unknown(_))) => Err(troubled(&trouble)),
        }
    }

    /// A confirmation was answered, but not so that it says what came of it: how the payment stands tells that. What is still open then may
    /// be paid yet.
    async fn look_again(&self, approve: &Approve, code: &str) -> Answer {
        let standing = self.look_up(&by_key(&approve.payment)).await.map_err(|_| timed_out())?;
        match standing.and_then(|payment| came_of(&payment, approve)) {
            Some(came) => told(came),
            None => {
                tracing::warn!(order = approve.order, code, "Toss Payments does not confirm a payment, by a code that leaves it open");
                Err(not_yet())
            }
        }
    }

    /// Whether nothing comes any more of a confirmation that was sent under this key; from now on none is.
    fn is_settled(&self, key: &CallKey) -> bool {
        self.closed.close(&hashed(key, ""), self.clock.elapsed()).is_settled(self.age(key))
    }

    /// How long ago the saga of a call was born.
    fn age(&self, key: &CallKey) -> Duration {
        self.clock.now().duration_since(key.born).try_into().unwrap_or_default()
    }

    pub(super) async fn recall_approve(&self, approve: &Approve, key: &CallKey) -> Answer {
        if !is_payment(&approve.payment) {
            return refused(not_found("MALFORMED"));
        }
        let is_settled = self.is_settled(key);
        let standing = self.look_up(&by_key(&approve.payment)).await.map_err(|trouble| troubled(&trouble))?;
        match standing.and_then(|payment| came_of(&payment, approve)) {
            Some(came) => told(came),
            None if is_settled => refused(Refused::cancelled()),
            None => Err(not_yet()),
        }
    }

    pub(super) async fn cancel_approve(&self, approve: &Approve, key: &CallKey) -> Answer {
        if !is_payment(&approve.payment) {
            return Ok(nothing_stands());
        }
        // A confirmation that was sent may not have landed yet.
        let is_settled = self.is_settled(key);
        let nothing_yet = || if is_settled { Ok(nothing_stands()) } else { Err(not_yet()) };
        let standing = self.look_up(&by_key(&approve.payment)).await.map_err(|trouble| troubled(&trouble))?;
        let Some(payment) = standing else { return nothing_yet() };
        // The browser may have brought the payment of somebody else. It cannot have been confirmed under this key.
        if !is_of(&payment, &approve.order, approve.amount) {
            return Ok(nothing_stands());
        }
        match payment.status {
            PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::WaitingForDeposit => {
                self.give_all_back(&payment, key).await
            }
            PaymentStatus::Canceled | PaymentStatus::Aborted | PaymentStatus::Expired => Ok(nothing_stands()),
            PaymentStatus::Ready | PaymentStatus::InProgress | PaymentStatus::Unknown => nothing_yet(),
        }
    }

    /// Whether a guest has agreed to pay this, or paid it.
    pub(super) async fn agreed(&self, order: &str, amount: Money, payment: &str) -> Result<bool, CallError> {
        if !is_payment(payment) {
            return Ok(false);
        }
        let standing = timeout(&*self.clock, PATIENCE, self.look_up(&by_key(payment))).await.map_err(|_| timed_out())?;
        let standing = standing.map_err(|trouble| troubled(&trouble))?.filter(|payment| is_of(payment, order, amount));
        Ok(standing.is_some_and(|payment| matches!(payment.status, PaymentStatus::InProgress | PaymentStatus::Done)))
    }

    /// A refund that was made is known by its mark, which stands in its reason.
    pub(super) async fn refund(&self, refund: &Refund, key: &CallKey) -> Answer {
        if !is_payment(&refund.payment) {
            return refused(not_found("MALFORMED"));
        }
        let mark = format!(" [{}]", &hashed(key, "")[..16]);
        let made = |payment: &Payment| payment.given_back(&mark).map(|cancel| Refunded { at: cancel.canceled_at });
        let standing = self.look_up(&by_key(&refund.payment)).await.map_err(|trouble| troubled(&trouble))?;
        let Some(payment) = standing else { return refused(not_found("NOT_FOUND_PAYMENT")) };
        if payment.order_id != refund.order {
            return refused(mismatch("OTHER_ORDER"));
        }
        if let Some(refunded) = made(&payment) {
            return reply::<Refund>(&refunded);
        }
        if let Some(refunded) = all_given_back(&payment, refund.amount) {
            return reply::<Refund>(&refunded);
        }
        let Some(balance) = payment.balance().filter(|balance| can_give(*balance, refund.amount)) else {
            return refused(refund_refused("NOT_CANCELABLE_AMOUNT"));
        };
        let reason: String = refund.reason.chars().take(LONGEST_REASON - mark.len()).chain(mark.chars()).collect();
        match self.give_back(&payment, balance, refund.amount, reason, key).await {
            Ok(after) => made(&after).map_or_else(|| Err(not_done(&after)), |refunded| reply::<Refund>(&refunded)),
            Err(Trouble::Said { status, code }) => match giving_back(status, &code) {
                GivingBack::Refused => refused(refund_refused(&code)),
                GivingBack::NotUs => Err(not_us(&code)),
                GivingBack::Open => Err(not_yet()),
                GivingBack::Away => Err(away(&refund.order, status, &code)),
                GivingBack::Look => {
                    let standing = self.look_up(&by_key(&refund.payment)).await.map_err(|_| timed_out())?;
                    match standing {
                        Some(after) if made(&after).is_some() => {
                            made(&after).map_or_else(|| Err(timed_out()), |refunded| reply::<Refund>(&refunded))
                        }
                        // It is as it was before, so it is this refund that is refused.
                        Some(after) if after.balance() == Some(balance) => refused(refund_refused(&code)),
                        // Something else was given back meanwhile: the next try sees what is left.
                        Some(_) | None => Err(not_yet()),
                    }
                }
            },
            Err(trouble @ (Trouble::Unreached(_) | Trouble::Unknown(_))) => Err(troubled(&trouble)),
        }
    }

    /// Gives back what is left of a payment, because the call that took it is cancelled.
    async fn give_all_back(&self, payment: &Payment, key: &CallKey) -> Answer {
        let Some(balance) = payment.balance() else { return Err(timed_out()) };
        if balance.minor == 0 {
            return Ok(nothing_stands());
        }
        let nothing_left = |payment: &Payment| payment.balance().is_some_and(|balance| balance.minor == 0);
        let code = match self.give_back(payment, balance, balance, "cancelled before it was used".into(), key).await {
            Ok(after) if nothing_left(&after) => return Ok(nothing_stands()),
            Ok(after) => return Err(not_done(&after)),
            Err(Trouble::Said { status, code }) => match giving_back(status, &code) {
                GivingBack::Open => return Err(not_yet()),
                GivingBack::Away => return Err(away(&payment.order_id, status, &code)),
                GivingBack::NotUs => return Err(not_us(&code)),
                GivingBack::Look | GivingBack::Refused => code,
            },
            Err(trouble @ (Trouble::Unreached(_) | Trouble::Unknown(_))) => return Err(troubled(&trouble)),
        };
        match self.look_up(&by_key(&payment.payment_key)).await {
            Ok(Some(after)) if nothing_left(&after) => Ok(nothing_stands()),
            standing => {
                // The guest is owed this money; whoever asks goes on asking, and a person has to see to it.
                tracing::error!(order = payment.order_id, payment = payment.payment_key, code, "a payment cannot be given back");
                Err(if standing.is_ok() { not_yet() } else { timed_out() })
            }
        }
    }

    /// Has Toss give back `amount` of a payment of which `balance` is left, and only then.
    ///
    /// The key of the request follows from the call, from what is left and from what was tried in vain: the same is done once, and an
    /// error that Toss would only repeat does not stand in the way for ever. The first try of a process has the key of the first before it,
    /// so that what may still be on its way is told of; those behind it have keys that no process had before.
    async fn give_back(&self, payment: &Payment, balance: Money, amount: Money, reason: String, key: &CallKey) -> Result<Payment, Trouble> {
        let name = hashed(key, "");
        let tried = match self.closed.in_vain(&name) {
            0 => "0".into(),
            in_vain => format!("{}/{in_vain}", self.started.as_microsecond()),
        };
        let request = hashed(key, &format!("give-back/{}/{tried}", balance.minor));
        let body = GiveBack { cancel_reason: reason, cancel_amount: amount.minor, refundable_amount: balance.minor };
        let answer = self.api.post(&format!("{}/cancel", by_key(&payment.payment_key)), &request, &body).await;
        if matches!(&answer, Err(Trouble::Said { code, .. }) if code != "IDEMPOTENT_REQUEST_PROCESSING") {
            self.closed.was_in_vain(&name, self.clock.elapsed());
        }
        answer
    }

    /// How a payment stands; nothing when Toss knows of none.
    async fn look_up(&self, path: &str) -> Result<Option<Payment>, Trouble> {
        match self.api.get(path).await {
            Ok(payment) => Ok(Some(payment)),
            Err(Trouble::Said { status: 404, code }) if is_not_found(&code) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }
}

fn by_key(payment: &str) -> String {
    format!("/v1/payments/{payment}")
}

/// What came of an approval, by how its payment stands; nothing while that is open.
fn came_of(payment: &Payment, approve: &Approve) -> Option<Result<Paid, Refused>> {
    if !is_of(payment, &approve.order, approve.amount) {
        return Some(Err(mismatch("OTHER_ORDER_OR_AMOUNT")));
    }
    match payment.status {
        PaymentStatus::Done | PaymentStatus::PartialCanceled => {
            payment.approved_at.map(|at| Ok(Paid { payment: payment.payment_key.clone(), at }))
        }
        PaymentStatus::Canceled => Some(Err(Refused::cancelled())),
        PaymentStatus::Aborted => Some(Err(declined(payment.failure.as_ref().map_or("ABORTED", |failure| &failure.code)))),
        PaymentStatus::Expired => Some(Err(not_found("EXPIRED"))),
        PaymentStatus::Ready | PaymentStatus::InProgress | PaymentStatus::WaitingForDeposit | PaymentStatus::Unknown => None,
    }
}

/// Whether a payment is that of this order, with this amount.
fn is_of(payment: &Payment, order: &str, amount: Money) -> bool {
    payment.order_id == order && payment.total() == Some(amount)
}

/// That all of a payment is with the guest again, where that is what is asked for: by another refund, or by a person's hand at Toss.
fn all_given_back(payment: &Payment, amount: Money) -> Option<Refunded> {
    let is_all = payment.total() == Some(amount) && payment.balance().is_some_and(|balance| balance.minor == 0);
    payment.last_given_back().filter(|_| is_all).map(|cancel| Refunded { at: cancel.canceled_at })
}

fn can_give(balance: Money, amount: Money) -> bool {
    balance.currency == amount.currency && balance.minor >= amount.minor
}

fn told(came: Result<Paid, Refused>) -> Answer {
    match came {
        Ok(paid) => reply::<Approve>(&paid),
        Err(no) => refused(no),
    }
}

fn refused(refused: Refused) -> Answer {
    Err(CallError::Refused(refused))
}

/// Money of another kind is refused for good: Toss is not asked, and is no further away for it.
fn won(amount: Money) -> Result<(), CallError> {
    if Toss::CURRENCIES.contains(&amount.currency) { Ok(()) } else { Err(CallError::Refused(currency_not_taken())) }
}

/// A name that follows from a call's key, for a purpose: 64 hexadecimal digits.
fn hashed(key: &CallKey, purpose: &str) -> String {
    let digest = Sha256::digest(format!("{key}/{purpose}").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Toss has answered, but not with what was asked for.
fn not_done(payment: &Payment) -> CallError {
    tracing::error!(order = payment.order_id, payment = payment.payment_key, status = ?payment.status, "Toss Payments answers with another state than was asked for");
    not_yet()
}

/// Toss has a fault of its own, and what came of the request is not known.
fn away(order: &str, status: u16, code: &str) -> CallError {
    tracing::warn!(order, status, code, "Toss Payments cannot answer now");
    timed_out()
}

fn not_us(code: &str) -> CallError {
    tracing::error!(code, "Toss Payments does not take our secret key");
    unavailable("Toss Payments does not take our secret key")
}

/// Why there is no answer, where something may have been decided.
pub(super) fn troubled(trouble: &Trouble) -> CallError {
    match trouble {
        Trouble::Unreached(why) => unavailable(why),
        Trouble::Unknown(why) => {
            tracing::warn!(why, "Toss Payments gave no answer to go by");
            timed_out()
        }
        Trouble::Said { code, .. } if is_not_us(code) => not_us(code),
        Trouble::Said { status, code } => {
            tracing::warn!(status, code, "Toss Payments gave no answer to go by");
            timed_out()
        }
    }
}

/// Why there is no answer, where certainly nothing was decided.
fn nothing_decided(trouble: &Trouble) -> CallError {
    match troubled(trouble) {
        CallError::TimedOut { .. } | CallError::Undecided { .. } => unavailable("Toss Payments gives no answer to go by"),
        other @ (CallError::Refused(_) | CallError::Unavailable { .. }) => other,
    }
}

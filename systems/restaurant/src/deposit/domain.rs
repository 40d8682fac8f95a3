//! The money of one reservation. Whatever is told in whatever order and however often: it is given back at most once, and never after it is
//! kept.

use jiff::civil::Date;
use kernel::{Aggregate, Money, Refused, RefusedKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::DepositStatus;
use crate::reservation::api::{CustomerId, ReservationId, RestaurantNo};

/// A deposit. Each of its parts is told once, and is a fact from then on; what it comes to follows from all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deposit {
    /// What is to be paid, once that is asked for.
    pub(crate) asked: Option<Asked>,
    /// Where the guest can pay it, where they do so in their browser.
    pub(crate) checkout: Option<String>,
    /// What was paid.
    pub(crate) payment: Option<Payment>,
    /// Why no money is wanted any more: what was paid is given back, and so is what is paid from now on.
    pub(crate) unwanted: Option<String>,
    /// Whether its reservation never stood, so that there is nothing to show.
    pub(crate) is_withdrawn: bool,
    /// Whether it has been said that money is to be given back.
    pub(crate) is_due_back: bool,
    /// When that was said last.
    #[serde(default)]
    pub(crate) due_back_at: Option<Timestamp>,
    /// Why the provider did not give it back when it was last asked to, unless it is being asked again.
    pub(crate) failure: Option<String>,
    /// How often it has refused to.
    #[serde(default)]
    pub(crate) refusals: u32,
    /// How it ended.
    pub(crate) end: Option<End>,
}

/// What is to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    /// The restaurant.
    pub(crate) restaurant_no: RestaurantNo,
    /// The day.
    pub(crate) day: Date,
    /// Whose it is, if that was said.
    #[serde(default)]
    pub(crate) customer_id: Option<CustomerId>,
    /// How much.
    pub(crate) amount: Money,
    /// What the payment is called with the provider.
    pub(crate) order: String,
}

/// What was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    /// The provider's name of it.
    pub(crate) payment: String,
    /// When it was paid.
    pub(crate) at: Timestamp,
}

/// How a deposit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum End {
    /// Nothing of it is kept.
    GivenBack,
    /// All of it is kept.
    Kept,
}

/// What has to be given back now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DueBack {
    /// What it was paid for, by our own name.
    pub(crate) order: String,
    /// The provider's name of the payment.
    pub(crate) payment: String,
    /// How much: all of it.
    pub(crate) amount: Money,
    /// Why, for whoever reads the provider's list.
    pub(crate) reason: String,
}

/// What can be told to a deposit.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Money is asked for.
    Request(Asked),
    /// The guest has to pay in their browser.
    Pend {
        /// Where.
        checkout: String,
    },
    /// The provider has the money.
    Pay(Payment),
    /// The provider said no: there is no money, and none is wanted any more.
    Decline,
    /// No money is wanted any more.
    GiveBack {
        /// Why; never with anybody's data in it.
        reason: String,
    },
    /// The same, because its reservation never stood: nobody is to see anything of it.
    Withdraw,
    /// Nothing of it is with the provider any more, and nothing ever will be.
    GivenBack,
    /// The provider does not give it back.
    RefundFailed {
        /// What it says.
        why: String,
    },
    /// The provider is to be asked once more for what it did not give back.
    Retry,
    /// What was paid is kept. What was not paid by then is not wanted any more.
    Keep,
}

/// What can have happened to a deposit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// Money is asked for.
    Requested(Asked),
    /// The guest has to pay in their browser.
    Pended {
        /// Where.
        checkout: String,
    },
    /// The provider has the money.
    Paid(Payment),
    /// No money is wanted any more.
    Unwanted {
        /// Why.
        reason: String,
    },
    /// No money is wanted any more, because the reservation never stood.
    Withdrawn,
    /// What was paid has to be given back. It follows, and is never told.
    RefundDue,
    /// Nothing of it is kept.
    GivenBack,
    /// The provider did not give it back.
    RefundFailed {
        /// What it says.
        why: String,
    },
    /// The provider is asked once more.
    RefundRetried,
    /// All of it is kept.
    Kept,
}

/// Why no money is wanted of whom the provider turned away.
const DECLINED: &str = "the payment was declined";

/// Why no money is wanted for what never stood.
const CAME_TO_NOTHING: &str = "the reservation came to nothing";

/// Why a refund is not tried again.
const NOT_DUE: &str = "nothing of this deposit is to be given back";

/// Why no money is wanted for what is over before it was paid.
const OVER: &str = "the reservation was over before it was paid";

impl Aggregate for Deposit {
    const NAME: &'static str = "deposit";
    type Key = ReservationId;
    type Command = Command;
    type Event = Event;
    type Refusal = Refused;

    fn decide(&self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refused> {
        let Some(news) = self.news(command)? else { return Ok(Vec::new()) };
        let mut after = self.clone();
        after.evolve(&news, at);
        let follows = (after.due_back().is_some() && !after.is_due_back).then_some(Event::RefundDue);
        Ok([news].into_iter().chain(follows).collect())
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Requested(asked) => self.asked = Some(asked.clone()),
            Event::Pended { checkout } => self.checkout = Some(checkout.clone()),
            Event::Paid(payment) => self.payment = Some(payment.clone()),
            Event::Unwanted { reason } => self.unwanted = Some(reason.clone()),
            Event::Withdrawn => {
                self.unwanted = Some(CAME_TO_NOTHING.into());
                self.is_withdrawn = true;
            }
            Event::RefundDue => (self.is_due_back, self.due_back_at) = (true, Some(at)),
            Event::GivenBack => self.end = Some(End::GivenBack),
            Event::RefundFailed { why } => {
                self.failure = Some(why.clone());
                self.refusals += 1;
            }
            Event::RefundRetried => (self.failure, self.due_back_at) = (None, Some(at)),
            Event::Kept => self.end = Some(End::Kept),
        }
    }
}

impl Deposit {
    /// What a command adds to what is known, if it adds anything.
    fn news(&self, command: Command) -> Result<Option<Event>, Refused> {
        let is_open = self.unwanted.is_none() && self.end.is_none();
        Ok(match command {
            Command::Request(_) if self.asked.is_some() => None,
            // Of what is paid already it is still to be known how much that is.
            Command::Request(_) if !is_open && self.payment.is_none() => {
                return Err(Refused::cancelled());
            }
            Command::Request(asked) => Some(Event::Requested(asked)),
            Command::Pend { checkout } => {
                (is_open && self.payment.is_none() && self.checkout.is_none()).then_some(Event::Pended { checkout })
            }
            Command::Pay(payment) => self.payment.is_none().then_some(Event::Paid(payment)),
            Command::Decline if self.payment.is_some() => None,
            Command::Decline => is_open.then(|| Event::Unwanted { reason: DECLINED.into() }),
            Command::GiveBack { reason } => is_open.then_some(Event::Unwanted { reason }),
            Command::Withdraw => is_open.then_some(Event::Withdrawn),
            Command::GivenBack => self.end.is_none().then_some(Event::GivenBack),
            Command::RefundFailed { why } => {
                (self.due_back().is_some() && self.failure.as_ref() != Some(&why)).then_some(Event::RefundFailed { why })
            }
            Command::Retry if self.failure.is_some() && self.due_back().is_some() => Some(Event::RefundRetried),
            // It is under way, or was done meanwhile: whoever asks a second time is too late to do any harm.
            Command::Retry if self.is_due_back => None,
            Command::Retry => return Err(Refused::new(RefusedKind::Conflict, "refund-not-due", NOT_DUE)),
            Command::Keep if !is_open => None,
            Command::Keep if self.payment.is_none() => Some(Event::Unwanted { reason: OVER.into() }),
            Command::Keep => Some(Event::Kept),
        })
    }

    /// What has to be given back and was not yet.
    pub(crate) fn due_back(&self) -> Option<DueBack> {
        let (asked, paid, reason) = (self.asked.as_ref()?, self.payment.as_ref()?, self.unwanted.clone()?);
        self.end.is_none().then(|| DueBack { order: asked.order.clone(), payment: paid.payment.clone(), amount: asked.amount, reason })
    }

    /// What it is, if there is anything to show: what was never asked for, or came to nothing before a guest knew of it, is not.
    pub(crate) fn status(&self) -> Option<DepositStatus> {
        // What never stood is nobody's business, unless somebody has to see to its money.
        let is_seen_to = self.refusals > 0 && self.end.is_none();
        self.asked.as_ref().filter(|_| !self.is_withdrawn || is_seen_to)?;
        match (self.end, &self.payment) {
            (Some(End::Kept), _) => Some(DepositStatus::PayKept),
            (Some(End::GivenBack), Some(_)) => Some(DepositStatus::PayCanceled),
            (None, Some(_)) if self.failure.is_some() => Some(DepositStatus::PayCancelFailed),
            (None, Some(_)) if self.is_due_back => Some(DepositStatus::PayCancelRequested),
            (None, Some(_)) => Some(DepositStatus::PayCompleted),
            (None, None) if self.unwanted.is_none() => Some(DepositStatus::PayRequested),
            (_, None) => self.checkout.as_ref().map(|_| DepositStatus::PayCanceled),
        }
    }
}

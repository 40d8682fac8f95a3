//! Taking money from the provider, and giving it back.

use kernel::{AnswerBySaga, Commands, Money, Refused, Saga, Steps, Timestamp};
use payments::api::{Approve, Charge, Charged, Paid, Refund, Refunded};
use serde::{Deserialize, Serialize};

use super::api::{ConfirmDeposit, DepositTaken, TakeDeposit};
use super::domain::{Asked, Command, Deposit, Payment};
use crate::reservation::api::ReservationId;

/// | step | done by | undone by |
/// |---|---|---|
/// | money is asked for | deposit: `Request` | `Decline` |
/// | it is charged | the provider: `Charge` | the provider: it is given back |
/// | it is paid, or the guest has to pay it | deposit: `Pay`, `Pend` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakeMoney {
    asked: TakeDeposit,
    #[serde(skip_serializing_if = "Option::is_none")]
    charged: Option<Charged>,
}

impl Saga for TakeMoney {
    const NAME: &'static str = "take-money";

    fn steps() -> Steps<Self> {
        Steps::begin::<Deposit>(Self::request, |_, _, _| {}, Self::decline).call::<Charge>(Self::charge, Self::charged).end(Self::pay)
    }
}

impl TakeMoney {
    fn request(&self) -> (ReservationId, Command) {
        let TakeDeposit { reservation_no, restaurant_no, day, customer_id, amount, order, .. } = self.asked.clone();
        (reservation_no, Command::Request(Asked { restaurant_no, day, customer_id, amount, order }))
    }

    fn decline(&self) -> Commands {
        Commands::to::<Deposit>(&self.asked.reservation_no, Command::Decline)
    }

    fn charge(&self) -> Option<Charge> {
        let TakeDeposit { order, amount, title, until, .. } = self.asked.clone();
        Some(Charge { order, amount, title, until })
    }

    fn charged(&mut self, charged: Charged) {
        self.charged = Some(charged);
    }

    fn pay(&self, _at: Timestamp) -> Commands {
        let id = &self.asked.reservation_no;
        match self.charged.clone() {
            Some(Charged::Paid { payment, at }) => Commands::to::<Deposit>(id, Command::Pay(Payment { payment, at })),
            Some(Charged::Pending { checkout }) => Commands::to::<Deposit>(id, Command::Pend { checkout }),
            None => Commands::none(),
        }
    }
}

impl AnswerBySaga for TakeDeposit {
    type By = TakeMoney;

    fn saga(&self) -> (String, TakeMoney) {
        (self.reservation_no.to_string(), TakeMoney { asked: self.clone(), charged: None })
    }

    fn reply(ended: &TakeMoney) -> DepositTaken {
        match &ended.charged {
            Some(Charged::Pending { checkout }) => DepositTaken::Pending { checkout: checkout.clone(), until: ended.asked.until },
            Some(Charged::Paid { .. }) | None => DepositTaken::Paid,
        }
    }

    fn undo(&self) -> Commands {
        Commands::to::<Deposit>(&self.reservation_no, Command::Withdraw)
    }
}

/// | step | done by | undone by |
/// |---|---|---|
/// | what the guest agreed to pay is taken | the provider: `Approve` | the provider: it is given back |
/// | it is paid | deposit: `Pay` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmMoney {
    asked: ConfirmDeposit,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid: Option<Paid>,
}

impl Saga for ConfirmMoney {
    const NAME: &'static str = "confirm-money";

    fn steps() -> Steps<Self> {
        Steps::new().call::<Approve>(Self::approve, Self::approved).end(Self::pay)
    }
}

impl ConfirmMoney {
    fn approve(&self) -> Option<Approve> {
        let ConfirmDeposit { order, amount, payment, .. } = self.asked.clone();
        Some(Approve { order, amount, payment })
    }

    fn approved(&mut self, paid: Paid) {
        self.paid = Some(paid);
    }

    fn pay(&self, _at: Timestamp) -> Commands {
        match self.paid.clone() {
            Some(Paid { payment, at }) => Commands::to::<Deposit>(&self.asked.reservation_no, Command::Pay(Payment { payment, at })),
            None => Commands::none(),
        }
    }
}

impl AnswerBySaga for ConfirmDeposit {
    type By = ConfirmMoney;

    fn saga(&self) -> (String, ConfirmMoney) {
        (format!("{}-{}", self.reservation_no, self.attempt), ConfirmMoney { asked: self.clone(), paid: None })
    }

    fn reply(_ended: &ConfirmMoney) {}

    fn undo(&self) -> Commands {
        Commands::to::<Deposit>(&self.reservation_no, Command::Withdraw)
    }
}

/// | step | done by | undone by |
/// |---|---|---|
/// | money is given back, however long that takes | the provider: `Refund` | never |
/// | it is given back, or an operator has to look | deposit: `GivenBack`, `RefundFailed` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GiveMoneyBack {
    /// The reservation whose deposit it was.
    pub(crate) reservation_no: ReservationId,
    /// What its payment is called with the provider.
    pub(crate) order: String,
    /// The provider's own name of it.
    pub(crate) payment: String,
    /// How much.
    pub(crate) amount: Money,
    /// Why.
    pub(crate) reason: String,
    /// What the provider said when it would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
}

impl Saga for GiveMoneyBack {
    const NAME: &'static str = "give-money-back";

    fn steps() -> Steps<Self> {
        Steps::new().insist::<Refund>(Self::refund, Self::refunded).end(Self::end)
    }
}

impl GiveMoneyBack {
    fn refund(&self) -> Option<Refund> {
        let Self { order, payment, amount, reason, .. } = self.clone();
        Some(Refund { order, payment, amount, reason })
    }

    fn refunded(&mut self, reply: Result<Refunded, Refused>) {
        self.refused = reply.err().map(|refused| refused.to_string());
    }

    fn end(&self, _at: Timestamp) -> Commands {
        let command = match self.refused.clone() {
            Some(why) => Command::RefundFailed { why },
            None => Command::GivenBack,
        };
        Commands::to::<Deposit>(&self.reservation_no, command)
    }
}

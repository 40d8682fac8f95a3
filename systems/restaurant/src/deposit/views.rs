//! `/deposits`, and the published form of what happens to a deposit.

use jiff::civil::Date;
use kernel::{Aggregate, Exposed, Field, Money, Move, Resource, Rows, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::{DepositEvent, DepositStatus};
use super::domain::{Deposit, DueBack, End, Event};
use crate::reservation::api::{CustomerId, ReservationId, RestaurantNo};

/// The deposit of a reservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deposit)]
pub(crate) struct DepositRow {
    /// The number of its reservation.
    pub(crate) id: ReservationId,
    /// The same.
    pub(crate) reservation_no: ReservationId,
    /// The restaurant.
    pub(crate) restaurant_no: RestaurantNo,
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub(crate) day: Date,
    /// Who reserved, if that was said.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) customer_id: Option<CustomerId>,
    /// How much.
    pub(crate) amount: Money,
    /// What it is.
    pub(crate) status: DepositStatus,
    /// What the payment is called with the provider, by our own name.
    pub(crate) order: Option<String>,
    /// The payment provider's name of the payment, once it is paid.
    pub(crate) payment: Option<String>,
    /// When it was paid.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) paid_at: Option<Timestamp>,
    /// When it was last said that it is to be given back.
    #[serde(default)]
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub(crate) refund_due_at: Option<Timestamp>,
}

impl Resource for DepositRow {
    const COLLECTION: &'static str = "deposits";
    const ITEM: &'static str = "deposit";
    const FIELDS: &'static [Field] = &[Field::text("restaurantNo"), Field::text("day"), Field::text("status"), Field::text("payment")];
    const SAME_AS_ID: &'static [&'static str] = &["reservationNo"];

    fn id(&self) -> u64 {
        self.id.number()
    }

    fn moves(&self, _at: Timestamp) -> Vec<Move> {
        let refund = || Move { name: "refund", method: "POST", path: format!("/deposits/{}/refund", self.id) };
        (self.status == DepositStatus::PayCancelFailed).then(refund).into_iter().collect()
    }
}

impl Exposed for Deposit {
    type Published = DepositEvent;

    const COLLECTION: Option<&'static str> = Some(DepositRow::COLLECTION);

    fn rows(&self, id: &ReservationId, event: &Event, at: Timestamp, rows: &mut Rows) {
        let mut after = self.clone();
        after.evolve(event, at);
        match (self.row(*id), after.row(*id)) {
            (_, Some(row)) => rows.put(&row),
            (Some(_), None) => rows.delete::<DepositRow>(id.number()),
            (None, None) => {}
        }
    }

    fn publish(&self, id: &ReservationId, event: &Event, _at: Timestamp) -> Option<DepositEvent> {
        let (asked, is_paid) = (self.asked.clone()?, self.payment.is_some());
        let (id, reservation_no, amount) = (*id, *id, asked.amount);
        let completed = || DepositEvent::PayCompleted {
            id,
            reservation_no,
            restaurant_no: asked.restaurant_no,
            day: asked.day,
            amount,
            status: DepositStatus::PayCompleted,
        };
        let canceled = DepositEvent::PayCanceled { id, reservation_no, amount, status: DepositStatus::PayCanceled };
        let kept = DepositEvent::PayKept { id, reservation_no, amount, status: DepositStatus::PayKept };
        match (event, self.end) {
            // Where it is heard last what was paid, and what for, all that it has come to is told.
            (Event::Requested(_) | Event::Paid(_), None) => is_paid.then(completed),
            (Event::Requested(_) | Event::Paid(_) | Event::GivenBack, Some(End::GivenBack)) => is_paid.then_some(canceled),
            (Event::Requested(_) | Event::Paid(_) | Event::Kept, Some(End::Kept)) => Some(kept),
            (Event::RefundDue | Event::RefundRetried, _) => {
                let DueBack { order, payment, amount, reason } = self.due_back()?;
                let (status, tried) = (DepositStatus::PayCancelRequested, Some(self.refusals).filter(|tried| *tried > 0));
                Some(DepositEvent::PayCancelRequested { id, reservation_no, amount, order, payment, reason, status, tried })
            }
            (
                Event::GivenBack
                | Event::Kept
                | Event::Pended { .. }
                | Event::Unwanted { .. }
                | Event::Withdrawn
                | Event::RefundFailed { .. },
                _,
            ) => None,
        }
    }
}

impl Deposit {
    fn row(&self, id: ReservationId) -> Option<DepositRow> {
        let (asked, status) = (self.asked.clone()?, self.status()?);
        Some(DepositRow {
            id,
            reservation_no: id,
            restaurant_no: asked.restaurant_no,
            day: asked.day,
            customer_id: asked.customer_id,
            amount: asked.amount,
            status,
            order: Some(asked.order),
            payment: self.payment.as_ref().map(|paid| paid.payment.clone()),
            paid_at: self.payment.as_ref().map(|paid| paid.at),
            refund_due_at: self.due_back_at,
        })
    }
}

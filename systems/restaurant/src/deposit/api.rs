//! What others may know of deposit.

use std::time::Duration;

use jiff::civil::Date;
use kernel::{Call, Money, Published, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reservation::api::{CustomerId, ReservationId, RestaurantNo};

/// What a deposit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum DepositStatus {
    /// The provider is being asked, or the guest has to pay in their browser.
    PayRequested,
    /// It is paid.
    PayCompleted,
    /// It is being given back.
    PayCancelRequested,
    /// The provider refused to give it back: an operator looks why, and has it tried again.
    PayCancelFailed,
    /// It was given back, whole.
    PayCanceled,
    /// It is kept: the guest cancelled too late, or did not come.
    PayKept,
}

/// What deposit publishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "eventType")]
pub enum DepositEvent {
    /// A deposit is paid.
    #[serde(rename_all = "camelCase")]
    PayCompleted {
        /// The deposit, by the number of its reservation.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// The restaurant.
        restaurant_no: RestaurantNo,
        /// The day.
        #[schema(value_type = String, format = Date)]
        day: Date,
        /// How much.
        amount: Money,
        /// `PayCompleted`.
        status: DepositStatus,
    },
    /// A deposit is being given back.
    #[serde(rename_all = "camelCase")]
    PayCancelRequested {
        /// What its payment is called with the provider.
        order: String,
        /// The provider's own name of it.
        payment: String,
        /// Why.
        reason: String,
        /// The deposit.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// How much.
        amount: Money,
        /// `PayCancelRequested`.
        status: DepositStatus,
        /// How often it was tried before in vain; not there when it never was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        tried: Option<u32>,
    },
    /// A deposit was given back.
    #[serde(rename_all = "camelCase")]
    PayCanceled {
        /// The deposit.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// How much.
        amount: Money,
        /// `PayCanceled`.
        status: DepositStatus,
    },
    /// A deposit is kept.
    #[serde(rename_all = "camelCase")]
    PayKept {
        /// The deposit.
        id: ReservationId,
        /// The reservation.
        reservation_no: ReservationId,
        /// How much.
        amount: Money,
        /// `PayKept`.
        status: DepositStatus,
    },
}

impl Published for DepositEvent {
    const SERVICE: &'static str = "deposit";
}

/// Take the deposit of a reservation whose seats are held. Asked by reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakeDeposit {
    /// The reservation.
    pub reservation_no: ReservationId,
    /// The restaurant.
    pub restaurant_no: RestaurantNo,
    /// The day.
    pub day: Date,
    /// Who reserved, if that was said.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// How much.
    pub amount: Money,
    /// What the payment is called with the provider: unlike any other, of this installation or another.
    pub order: String,
    /// What the guest reads on their statement.
    pub title: String,
    /// Until when it can be paid, where the guest pays in their browser.
    pub until: Timestamp,
}

/// How a deposit is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum DepositTaken {
    /// It is paid.
    Paid,
    /// The guest has to pay it, here.
    Pending {
        /// A link.
        checkout: String,
        /// Until when.
        until: Timestamp,
    },
}

impl Call for TakeDeposit {
    const SERVICE: &'static str = "deposit";
    const NAME: &'static str = "take-deposit";
    type Reply = DepositTaken;
}

/// Take what a guest has agreed to pay in their browser. Asked by reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmDeposit {
    /// The reservation.
    pub reservation_no: ReservationId,
    /// How much.
    pub amount: Money,
    /// What the payment is called with the provider.
    pub order: String,
    /// The provider's own name of it, as the guest's browser brought it.
    pub payment: String,
    /// Which of the guest's attempts to pay this is, from 1.
    #[serde(default)]
    pub attempt: u32,
}

impl Call for ConfirmDeposit {
    const SERVICE: &'static str = "deposit";
    const NAME: &'static str = "confirm-deposit";
    // The provider asks the guest's bank, which takes its time.
    const DEADLINE: Duration = Duration::from_secs(10);
    type Reply = ();
}

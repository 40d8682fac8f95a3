//! Making a reservation: several services, one act to the guest.

use booking::TimeOfDay;
use jiff::civil::Date;
use kernel::{Commands, Refused, Saga, Steps, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::{Booking, CustomerId, ReservationId, RestaurantNo, VenueRules};
use super::domain::calendar::{self, Calendar, Wanted};
use super::domain::reservation::{self, Checkout, Reservation};
use crate::deposit::api::{ConfirmDeposit, DepositTaken, TakeDeposit};
use crate::recommendation::api::RegisterRecommendation;

/// How long a guest who pays in their browser has for it, if the sitting does not begin before.
const TIME_TO_PAY: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// | step | done by | undone by |
/// |---|---|---|
/// | hold the seats | reservation's calendar: `Hold` | `Release` |
/// | take the deposit | deposit: `TakeDeposit` | deposit: it is given back |
/// | the guest pays, if in their browser | the guest, within ten minutes and before the sitting begins | – |
/// | take what the guest has agreed to pay; if that is refused they can pay otherwise | deposit: `ConfirmDeposit` | deposit: it is given back |
/// | let the guest rate it | recommendation: `RegisterRecommendation` | recommendation: it is deleted |
/// | the reservation stands | reservation: `Take` | – |
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MakeReservation {
    /// The number it will have.
    pub(crate) id: ReservationId,
    /// Where.
    pub(crate) restaurant_no: RestaurantNo,
    /// On which day.
    pub(crate) day: Date,
    /// At which sitting; the first that is free when not given.
    pub(crate) time: Option<TimeOfDay>,
    /// For how many people.
    pub(crate) party_size: u32,
    /// Who reserves, if that was said.
    pub(crate) customer_id: Option<CustomerId>,
    /// What its payment is called with the provider.
    pub(crate) order: String,
    /// By which rules a venue opens that is not known, where venues do so by themselves.
    #[serde(skip)]
    pub(crate) default: Option<VenueRules>,
    /// The seats, once they are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<Held>,
    /// Where the guest pays, if in their browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checkout: Option<Checkout>,
    /// What the guest has agreed to pay, by the provider's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment: Option<String>,
    /// How often they have agreed to pay something.
    #[serde(default)]
    pub(crate) attempt: u32,
}

/// Seats that are held.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Held {
    /// Since when.
    at: Timestamp,
    /// What the reservation is about.
    booking: Booking,
    /// What guests call the venue.
    title: String,
    /// From when on it can be rated.
    rating_opens_at: Timestamp,
}

/// That the guest has agreed to pay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Agreed {
    /// The provider's name of the payment.
    pub(crate) payment: String,
}

impl Saga for MakeReservation {
    const NAME: &'static str = "make-reservation";

    fn steps() -> Steps<Self> {
        Steps::begin::<Calendar>(Self::hold, Self::held, Self::release)
            .call::<TakeDeposit>(Self::take_deposit, Self::deposit_taken)
            .wait::<Agreed>(Self::until, Self::pend, Self::agreed)
            .call::<ConfirmDeposit>(Self::confirm_deposit, |_, ()| {})
            .call::<RegisterRecommendation>(Self::register, |_, ()| {})
            .end(Self::take)
    }
}

impl MakeReservation {
    fn hold(&self) -> (RestaurantNo, calendar::Command) {
        let Self { id, day, time, party_size, default, .. } = self.clone();
        (self.restaurant_no.clone(), calendar::Command::Hold(Wanted { id, day, time, party_size, default }))
    }

    fn held(&mut self, calendar: &Calendar, at: Timestamp) {
        let booking = calendar.booking(self.id, &self.restaurant_no, self.customer_id.clone());
        self.held = booking.zip(calendar.rules()).map(|(booking, rules)| Held {
            at,
            title: rules.title(&self.restaurant_no),
            rating_opens_at: rules.rating_opens_at(&booking, at),
            booking,
        });
        // What it opened by is in its calendar.
        self.default = None;
    }

    fn release(&self) -> Commands {
        let Self { id, restaurant_no, .. } = self;
        Commands::to::<Calendar>(restaurant_no, calendar::Command::Release { id: *id }).and::<Reservation>(id, reservation::Command::Lapse)
    }

    fn take_deposit(&self) -> Option<TakeDeposit> {
        let Held { at, booking, title, .. } = self.held.clone()?;
        let Booking { restaurant_no, day, starts_at, customer_id, deposit: amount, .. } = booking;
        let until = at.saturating_add(TIME_TO_PAY).ok()?.min(starts_at);
        Some(TakeDeposit { reservation_no: self.id, restaurant_no, day, customer_id, amount, order: self.order.clone(), title, until })
    }

    fn deposit_taken(&mut self, reply: DepositTaken) {
        self.checkout = match reply {
            DepositTaken::Paid => None,
            DepositTaken::Pending { checkout: link, until } => Some(Checkout { link, until }),
        };
    }

    fn until(&self) -> Option<Timestamp> {
        self.checkout.as_ref().map(|checkout| checkout.until)
    }

    fn pend(&self) -> Commands {
        match (&self.held, &self.checkout) {
            (Some(held), Some(checkout)) => {
                Commands::to::<Reservation>(&self.id, reservation::Command::Pend(held.booking.clone(), checkout.clone()))
            }
            _ => Commands::none(),
        }
    }

    fn agreed(&mut self, agreed: Agreed) -> Result<(), Refused> {
        self.payment = Some(agreed.payment);
        self.attempt += 1;
        Ok(())
    }

    fn confirm_deposit(&self) -> Option<ConfirmDeposit> {
        let (held, payment) = (self.held.as_ref()?, self.payment.clone()?);
        let (amount, order, attempt) = (held.booking.deposit, self.order.clone(), self.attempt);
        Some(ConfirmDeposit { reservation_no: self.id, amount, order, payment, attempt })
    }

    fn register(&self) -> Option<RegisterRecommendation> {
        let Held { booking, rating_opens_at: opens_at, .. } = self.held.clone()?;
        let Booking { restaurant_no, customer_id, .. } = booking;
        Some(RegisterRecommendation { reservation_no: self.id, restaurant_no, customer_id, opens_at })
    }

    fn take(&self, _at: Timestamp) -> Commands {
        match &self.held {
            Some(held) => Commands::to::<Reservation>(&self.id, reservation::Command::Take(held.booking.clone())),
            None => Commands::none(),
        }
    }
}

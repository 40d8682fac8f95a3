//! The provider that is built in: nobody's money, and whatever can go wrong.

mod book;
mod journal;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use calls::{Act, Envelope, Transport};
use clock::{SharedClock, until};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use kernel::{Call, CallError, Money, Refused};

use crate::api::{Approve, Charge, Charged, Paid, Refund, Refunded};
use crate::asked::{Asked, nothing_stands, refunds_stand, reply, timed_out, unavailable};
use crate::checkout::{escaped, page};
use crate::refusals::{declined, mismatch, not_found, refund_refused};
use crate::{Checkout, Provider, Transaction};
pub use book::{Book, Payment};
use book::{Came, Entry, Meant};
use journal::Journal;
pub use journal::NotOpened;

/// How much later than its deadline a late answer comes.
const LATE: Duration = Duration::from_millis(1);

/// A payment provider without money. What it does with an amount is told by the last three digits of its minor units:
///
/// | ends in | what happens |
/// |---|---|
/// | `402` | the payment is declined |
/// | `408` | it times out, and never happens |
/// | `202` | it is paid, but the answer comes only after the deadline |
/// | `503` | the first try of a key finds nobody (`Unavailable`); the next is paid |
/// | anything else | it is paid at once |
///
/// A refund whose amount ends in `202` or `503` does the same; any other is given back at once.
///
/// It keeps a book of its own, which knows nothing of ours: in memory, or in a file that outlives the process. Orders are not
/// watched over, so that a system which pays one twice is seen in the book.
pub struct TestProvider {
    clock: SharedClock,
    /// Where guests pay, when they do so in a browser.
    checkout: Option<String>,
    kept: Mutex<Kept>,
}

struct Kept {
    book: Book,
    journal: Option<Journal>,
}

/// What is said, and whether that is to be heard only after the deadline.
struct Told {
    said: Result<String, CallError>,
    late: bool,
}

impl Told {
    const fn at_once(said: Result<String, CallError>) -> Self {
        Self { said, late: false }
    }
}

impl TestProvider {
    /// One that forgets everything with the process.
    pub fn in_memory(clock: SharedClock) -> Self {
        Self { clock, checkout: None, kept: Mutex::new(Kept { book: Book::default(), journal: None }) }
    }

    /// One whose book is the file at this path, which is made if it is not there: one JSON object a line, only ever appended to.
    ///
    /// Whatever was answered is in the file, so that it survives a kill of the process (though not that of the machine: it is not
    /// synced). A last line that breaks off was not answered, and is dropped.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is none of ours.
    pub fn open(clock: SharedClock, path: &Path) -> Result<Self, NotOpened> {
        let (journal, book) = Journal::open(path)?;
        Ok(Self { clock, checkout: None, kept: Mutex::new(Kept { book, journal: Some(journal) }) })
    }

    /// The same, but guests pay in a browser: a charge is answered with a link, which is `checkout`, `/` and the order, and the
    /// amounts above say what comes of its `Approve`.
    #[must_use]
    pub fn in_browser(self, checkout: impl Into<String>) -> Self {
        Self { checkout: Some(checkout.into()), ..self }
    }

    /// Its book as it is now.
    pub fn book(&self) -> Book {
        self.kept().book.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // An entry is written and taken in, or neither, so a poisoned lock guards a whole book.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, asked: &Asked, envelope: &Envelope) -> Told {
        let now = self.clock.now();
        let mut kept = self.kept();
        match &envelope.act {
            Act::Do(_) if envelope.deadline < now => Told::at_once(Err(unavailable("its deadline has passed"))),
            Act::Do(key) => self.act(&mut kept, asked, &key.to_string(), now),
            Act::Recall(key) => Told::at_once(self.recall(&mut kept, asked, &key.to_string(), now)),
            Act::Cancel(key) => Told::at_once(cancel(&mut kept, asked, &key.to_string(), now)),
        }
    }

    fn act(&self, kept: &mut Kept, asked: &Asked, key: &str, now: Timestamp) -> Told {
        if let Some(said) = self.said(kept, asked, key) {
            return Told::at_once(said);
        }
        match asked {
            Asked::Charge(Charge { order, amount, until, .. }) if self.checkout.is_some() => {
                let payment = kept.book.next_payment();
                let entry = Entry::Opened { key: key.into(), order: order.clone(), payment, amount: *amount, until: *until, at: now };
                Told::at_once(self.written(kept, asked, key, entry))
            }
            Asked::Charge(Charge { order, amount, .. }) => {
                let payment = kept.book.next_payment();
                let entry = Entry::Paid { key: key.into(), order: order.clone(), payment, amount: *amount, at: now };
                self.paying(kept, asked, key, Meant::by(*amount), entry)
            }
            Asked::Approve(approve) => match approvable(&kept.book, approve, now) {
                Err(refused) => self.refused(kept, asked, key, refused),
                Ok(()) => {
                    let Approve { order, amount, payment } = approve.clone();
                    let entry = Entry::Paid { key: key.into(), order, payment, amount, at: now };
                    self.paying(kept, asked, key, Meant::by(approve.amount), entry)
                }
            },
            Asked::Refund(refund) => match refundable(&kept.book, refund) {
                Err(_) if let Some(at) = all_given_back(&kept.book, refund) => {
                    Told::at_once(self.written(kept, asked, key, Entry::GivenBackBefore { key: key.into(), at }))
                }
                Err(refused) => self.refused(kept, asked, key, refused),
                Ok(()) => {
                    let Refund { payment, amount, .. } = refund.clone();
                    let meant = Meant::by(amount).for_a_refund();
                    self.paying(kept, asked, key, meant, Entry::Refunded { key: key.into(), payment, amount, at: now })
                }
            },
        }
    }

    /// What is meant by the amount, with `entry` for when money goes.
    fn paying(&self, kept: &mut Kept, asked: &Asked, key: &str, meant: Meant, entry: Entry) -> Told {
        match meant {
            Meant::Vanish => Told { said: Err(timed_out()), late: true },
            Meant::FailOnce if !kept.book.was_tried(key) => {
                let written = kept.write(Entry::Tried { key: key.into() });
                Told::at_once(Err(written.err().unwrap_or_else(|| unavailable("the amount ends in 503"))))
            }
            Meant::Decline => self.refused(kept, asked, key, declined("TEST_DECLINED")),
            Meant::FailOnce | Meant::Late | Meant::Pay => Told { said: self.written(kept, asked, key, entry), late: meant == Meant::Late },
        }
    }

    /// A refusal is kept like a success, so that no other try of this call lands after it.
    fn refused(&self, kept: &mut Kept, asked: &Asked, key: &str, refused: Refused) -> Told {
        Told::at_once(self.written(kept, asked, key, Entry::Refused { key: key.into(), refused }))
    }

    /// Writes down what comes of a call, and says it.
    fn written(&self, kept: &mut Kept, asked: &Asked, key: &str, entry: Entry) -> Result<String, CallError> {
        kept.write(entry)?;
        self.said(kept, asked, key).unwrap_or_else(|| Err(timed_out()))
    }

    fn recall(&self, kept: &mut Kept, asked: &Asked, key: &str, now: Timestamp) -> Result<String, CallError> {
        match (self.said(kept, asked, key), asked) {
            (Some(said), _) => said,
            (None, Asked::Refund(_)) => self.act(kept, asked, key, now).said,
            (None, Asked::Charge(_) | Asked::Approve(_)) => {
                kept.write(Entry::Cancelled { key: key.into(), back: None, at: now })?;
                Err(CallError::Refused(Refused::cancelled()))
            }
        }
    }

    /// What was said under a key, if anything was decided.
    fn said(&self, kept: &Kept, asked: &Asked, key: &str) -> Option<Result<String, CallError>> {
        let book = &kept.book;
        Some(match (book.came(key)?, asked) {
            (Came::Tried, _) => return None,
            (Came::Refused(refused), _) => Err(CallError::Refused(refused.clone())),
            (Came::Cancelled, _) => Err(CallError::Refused(Refused::cancelled())),
            (Came::Opened { .. }, Asked::Charge(Charge { order, .. })) => {
                let checkout = self.checkout.as_deref().unwrap_or_default();
                reply::<Charge>(&Charged::Pending { checkout: format!("{checkout}/{order}") })
            }
            (Came::Paid { payment, at }, Asked::Charge(_)) => reply::<Charge>(&Charged::Paid { payment: payment.clone(), at: *at }),
            (Came::Paid { payment, at }, Asked::Approve(_)) => reply::<Approve>(&Paid { payment: payment.clone(), at: *at }),
            (Came::Refunded { at }, Asked::Refund(_)) => reply::<Refund>(&Refunded { at: *at }),
            (Came::Opened { .. } | Came::Paid { .. } | Came::Refunded { .. }, _) => Err(unavailable("its key was used with another call")),
        })
    }
}

impl Kept {
    /// Writes an entry down and takes it in. If it cannot be written, nothing has happened.
    fn write(&mut self, entry: Entry) -> Result<(), CallError> {
        if let Some(journal) = &mut self.journal {
            journal.append(&entry).map_err(|error| unavailable(format!("its book cannot be written: {error}")))?;
        }
        self.book.take(entry);
        Ok(())
    }
}

fn cancel(kept: &mut Kept, asked: &Asked, key: &str, now: Timestamp) -> Result<String, CallError> {
    if matches!(asked, Asked::Refund(_)) {
        return Err(refunds_stand());
    }
    let back = match kept.book.came(key) {
        Some(Came::Refused(_) | Came::Cancelled) => return Ok(nothing_stands()),
        Some(Came::Paid { payment, .. } | Came::Opened { payment }) => kept.book.left(payment),
        Some(Came::Tried | Came::Refunded { .. }) | None => None,
    };
    kept.write(Entry::Cancelled { key: key.into(), back, at: now })?;
    Ok(nothing_stands())
}

fn approvable(book: &Book, approve: &Approve, now: Timestamp) -> Result<(), Refused> {
    let session = book.session(&approve.payment).ok_or_else(|| not_found("TEST_UNKNOWN"))?;
    if session.order != approve.order || session.amount != approve.amount {
        return Err(mismatch("TEST_MISMATCH"));
    }
    if session.is_closed || session.until <= now {
        return Err(not_found("TEST_EXPIRED"));
    }
    Ok(())
}

fn refundable(book: &Book, refund: &Refund) -> Result<(), Refused> {
    let payment = book.payment(&refund.payment).ok_or_else(|| not_found("TEST_UNKNOWN"))?;
    if payment.order != refund.order {
        return Err(mismatch("TEST_MISMATCH"));
    }
    if payment.amount.currency != refund.amount.currency || refund.amount.minor > payment.left().minor {
        return Err(refund_refused("TEST_TOO_MUCH"));
    }
    Ok(())
}

/// When all of a payment was given back, where that is what is asked for.
fn all_given_back(book: &Book, refund: &Refund) -> Option<Timestamp> {
    let payment = book.payment(&refund.payment).filter(|payment| payment.order == refund.order)?;
    let is_all = payment.amount == refund.amount && payment.left().minor == 0;
    payment.refunds.last().filter(|_| is_all).map(|(_, at)| *at)
}

impl Transport for TestProvider {
    fn send<'a>(&'a self, envelope: Envelope) -> BoxFuture<'a, Result<String, CallError>> {
        Box::pin(async move {
            let asked = Asked::read(&envelope)?;
            let told = self.decide(&asked, &envelope);
            if told.late {
                // A deadline may be for ever; whoever gave it has gone after the call's own.
                let patience = match asked {
                    Asked::Charge(_) => Charge::DEADLINE,
                    Asked::Approve(_) => Approve::DEADLINE,
                    Asked::Refund(_) => Refund::DEADLINE,
                };
                self.clock.sleep(until(self.clock.now(), envelope.deadline).min(patience) + LATE).await;
            }
            told.said
        })
    }
}

impl Provider for TestProvider {
    fn name(&self) -> &'static str {
        "test"
    }

    fn transactions(&self, from: Timestamp, until: Timestamp) -> BoxFuture<'_, Result<Vec<Transaction>, CallError>> {
        let mut transactions = self.kept().book.transactions();
        transactions.retain(|transaction| (from..until).contains(&transaction.at));
        Box::pin(std::future::ready(Ok(transactions)))
    }

    fn has_agreed<'a>(&'a self, order: &'a str, amount: Money, payment: &'a str) -> BoxFuture<'a, Result<bool, CallError>> {
        let kept = self.kept();
        let is_of = |of: &str, what: Money| of == order && what == amount;
        let is_open = kept.book.session(payment).is_some_and(|session| is_of(&session.order, session.amount) && !session.is_closed);
        let is_paid = kept.book.payment(payment).is_some_and(|paid| is_of(&paid.order, paid.amount) && paid.left() == amount);
        Box::pin(std::future::ready(Ok(is_open || is_paid)))
    }

    fn checkout_page(&self, checkout: &Checkout) -> String {
        let Some(payment) = self.kept().book.payable(&checkout.order).map(ToOwned::to_owned) else {
            return page(checkout, "", "<p>결제할 것이 없습니다 · There is nothing to pay here.</p>\n");
        };
        let hidden = |name: &str, value: &str| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value));
        let order = hidden("orderId", &checkout.order);
        let agree = [hidden("paymentKey", &payment), order.clone(), hidden("amount", &checkout.amount.to_string())].concat();
        let fail = [hidden("code", "PAY_PROCESS_CANCELED"), hidden("message", "canceled"), order].concat();
        let body = format!(
            "<p>시험 결제입니다 · This is a test; no money is taken.</p>\n\
             <form action=\"{}\">{agree}<button>결제하기 · Pay</button></form>\n\
             <form action=\"{}\">{fail}<button>취소 · Cancel</button></form>\n",
            escaped(&checkout.agreed),
            escaped(&checkout.failed),
        );
        page(checkout, "", &body)
    }
}

use kernel::{Aggregate, Currency, Exposed, Id, Money, Policy, Refused, Rows, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::api::{DepositEvent, DepositStatus};
use super::domain::{Asked, Command, Deposit, DueBack, End, Event, Payment};
use super::policies::{EndWithReservation, GiveBackWhatIsDue};
use super::views::DepositRow;
use crate::reservation::api::{ReservationEvent, ReservationId, ReservationStatus};

const ID: ReservationId = Id::new(7);

/// What the payment is called with the provider.
const ORDER: &str = "reservation-7-a";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn asked() -> Asked {
    let amount = Money { minor: 20_000, currency: Currency::Krw };
    Asked {
        restaurant_no: "10".parse().unwrap(),
        day: jiff::civil::date(2026, 11, 24),
        customer_id: Some("7".parse().unwrap()),
        amount,
        order: ORDER.into(),
    }
}

fn request() -> Command {
    Command::Request(asked())
}

fn pend() -> Command {
    Command::Pend { checkout: "https://pay/7".into() }
}

fn paid() -> Payment {
    Payment { payment: "p-7".into(), at: at(1) }
}

fn pay() -> Command {
    Command::Pay(paid())
}

fn give_back() -> Command {
    Command::GiveBack { reason: "cancelled".into() }
}

fn fail() -> Command {
    Command::RefundFailed { why: "closed account".into() }
}

/// What happened, with the row after it and what was published.
#[derive(Clone, Default)]
struct Story {
    deposit: Deposit,
    row: Option<DepositRow>,
    events: Vec<Event>,
    published: Vec<DepositEvent>,
}

impl Story {
    fn send(&mut self, command: Command) -> Result<Vec<Event>, Refused> {
        let events = self.deposit.decide(command, at(1))?;
        for event in &events {
            let mut rows = Rows::default();
            self.deposit.rows(&ID, event, at(1), &mut rows);
            for change in rows.into_changes() {
                assert_eq!(change.id, ID.number());
                self.row = change.row.map(|row| serde_json::from_str(&row).unwrap());
            }
            self.deposit.evolve(event, at(1));
            self.published.extend(self.deposit.publish(&ID, event, at(1)));
            assert_eq!(self.row.as_ref().map(|row| row.status), self.deposit.status(), "the row is what the deposit is: {event:?}");
        }
        self.events.extend(events.iter().cloned());
        Ok(events)
    }

    fn names(&self) -> Vec<String> {
        self.published.iter().map(|event| serde_json::to_value(event).unwrap()["eventType"].as_str().unwrap().to_owned()).collect()
    }
}

/// What comes of these commands: the status that is shown, what has to be given back, and what was published.
#[track_caller]
fn check(commands: &[Command], status: Option<DepositStatus>, due: bool, published: &[&str]) {
    let mut story = Story::default();
    for command in commands {
        let _ = story.send(command.clone());
    }
    let due_back = story.deposit.due_back();
    assert_eq!(
        (story.deposit.status(), due_back.is_some(), story.names()),
        (status, due, published.iter().map(|name| (*name).to_owned()).collect())
    );
    for command in commands {
        assert_eq!(story.send(command.clone()).unwrap_or_default(), [], "told again: {command:?}");
    }
}

#[test]
fn a_deposit_is_shown_through_its_life() {
    use DepositStatus::{PayCancelFailed, PayCancelRequested, PayCanceled, PayCompleted, PayKept, PayRequested};

    check(&[request()], Some(PayRequested), false, &[]);
    check(&[request(), pend()], Some(PayRequested), false, &[]);
    check(&[request(), pay()], Some(PayCompleted), false, &["PayCompleted"]);
    check(&[request(), pend(), pay()], Some(PayCompleted), false, &["PayCompleted"]);
    check(&[request(), pay(), give_back()], Some(PayCancelRequested), true, &["PayCompleted", "PayCancelRequested"]);
    check(&[request(), pay(), give_back(), fail()], Some(PayCancelFailed), true, &["PayCompleted", "PayCancelRequested"]);
    let whole = ["PayCompleted", "PayCancelRequested", "PayCanceled"];
    check(&[request(), pay(), give_back(), Command::GivenBack], Some(PayCanceled), false, &whole);
    check(&[request(), pay(), give_back(), fail(), Command::GivenBack], Some(PayCanceled), false, &whole);
    check(&[request(), pay(), Command::Keep], Some(PayKept), false, &["PayCompleted", "PayKept"]);
}

#[test]
fn what_came_to_nothing_before_its_guest_knew_of_it_leaves_no_row() {
    check(&[request(), Command::Decline], None, false, &[]);
    check(&[request(), give_back()], None, false, &[]);
    check(&[request(), give_back(), Command::GivenBack], None, false, &[]);
    check(&[give_back()], None, false, &[]);
    check(&[request(), pend(), give_back()], Some(DepositStatus::PayCanceled), false, &[]);
    check(&[request(), pend(), Command::Keep], Some(DepositStatus::PayCanceled), false, &[]);
}

#[test]
fn money_that_comes_when_it_is_not_wanted_any_more_is_given_back() {
    for end in [give_back(), Command::Decline, Command::Keep] {
        let story = ["PayCompleted", "PayCancelRequested"];
        check(&[request(), end.clone(), pay()], Some(DepositStatus::PayCancelRequested), true, &story);
        check(&[request(), pend(), end.clone(), pay()], Some(DepositStatus::PayCancelRequested), true, &story);
        check(&[end.clone(), pay(), request()], Some(DepositStatus::PayCancelRequested), true, &story);
    }
    check(&[request(), give_back(), Command::GivenBack, pay()], Some(DepositStatus::PayCanceled), false, &["PayCanceled"]);
}

#[test]
fn what_is_due_back_is_all_that_was_paid() {
    let mut story = Story::default();
    for command in [request(), pay(), give_back()] {
        story.send(command).unwrap();
    }
    let due = DueBack { order: ORDER.into(), payment: "p-7".into(), amount: asked().amount, reason: "cancelled".into() };
    assert_eq!(story.deposit.due_back(), Some(due));
    story.send(Command::GivenBack).unwrap();
    assert_eq!(story.deposit.due_back(), None);
}

#[test]
fn the_first_word_about_what_becomes_of_the_money_counts() {
    check(&[request(), pay(), Command::Keep, give_back()], Some(DepositStatus::PayKept), false, &["PayCompleted", "PayKept"]);
    let back = ["PayCompleted", "PayCancelRequested"];
    check(&[request(), pay(), give_back(), Command::Keep], Some(DepositStatus::PayCancelRequested), true, &back);
    // A no that was overtaken by the money is an old one.
    check(&[request(), pay(), Command::Decline], Some(DepositStatus::PayCompleted), false, &["PayCompleted"]);
}

#[test]
fn what_is_not_wanted_any_more_is_not_asked_for() {
    let mut story = Story::default();
    story.send(give_back()).unwrap();
    assert_eq!(story.send(request()).unwrap_err().code, "cancelled");
    let mut story = Story::default();
    story.send(request()).unwrap();
    story.send(give_back()).unwrap();
    assert_eq!(story.send(request()), Ok(Vec::new()), "told again, it is no news");
    assert_eq!(story.send(pend()), Ok(Vec::new()), "nobody is sent to pay for it");
}

#[test]
fn a_row_has_its_payment() {
    let mut story = Story::default();
    story.send(request()).unwrap();
    let row = |payment: Option<&str>, status: &str| {
        json!({
            "id": 7, "reservationNo": 7, "restaurantNo": "10", "day": "2026-11-24", "customerId": "7",
            "amount": {"amount": "20000", "currency": "KRW"}, "status": status, "order": ORDER, "payment": payment,
            "paidAt": payment.map(|_| at(1).to_string()), "refundDueAt": null,
        })
    };
    assert_eq!(json!(story.row), row(None, "PayRequested"));
    story.send(pay()).unwrap();
    assert_eq!(json!(story.row), row(Some("p-7"), "PayCompleted"));
}

#[test]
fn a_failure_is_told_once_for_each_reason_while_money_is_due() {
    let mut story = Story::default();
    story.send(request()).unwrap();
    assert_eq!(story.send(fail()), Ok(Vec::new()), "nothing is due");
    story.send(pay()).unwrap();
    story.send(give_back()).unwrap();
    assert_eq!(story.send(fail()).unwrap().len(), 1);
    assert_eq!(story.send(fail()), Ok(Vec::new()));
    assert_eq!(story.send(Command::RefundFailed { why: "slow bank".into() }).unwrap().len(), 1);
}

/// What is begun when these are told in turn, by the keys of the sagas.
fn begun(commands: &[Command]) -> Vec<String> {
    let mut story = Story::default();
    commands.iter().for_each(|command| drop(story.send(command.clone())));
    let begun = story.published.iter().flat_map(|event| GiveBackWhatIsDue::react(event, at(9)));
    begun.map(|command| command.key.clone()).collect()
}

#[test]
fn a_refund_that_was_refused_is_tried_again_when_an_operator_says_so() {
    let failed = [request(), pay(), give_back(), fail()];
    let then = |more: &[Command]| [&failed, more].concat();
    let retry = || Command::Retry;
    assert_eq!(begun(&failed), ["7"]);
    assert_eq!(begun(&then(&[retry()])), ["7", "7-1"]);
    assert_eq!(begun(&then(&[retry(), retry()])), ["7", "7-1"], "two who press at once are one");
    assert_eq!(begun(&then(&[retry(), fail(), retry()])), ["7", "7-1", "7-2"], "what is refused again can be tried again");
    assert_eq!(begun(&then(&[retry(), Command::GivenBack, retry()])), ["7", "7-1"]);
    let status = |commands: &[Command]| end_of(commands).0;
    assert_eq!(status(&then(&[retry()])), Some(DepositStatus::PayCancelRequested));
    assert_eq!(status(&then(&[retry(), fail()])), Some(DepositStatus::PayCancelFailed), "also for the same reason as before");
    assert_eq!(status(&then(&[retry(), Command::GivenBack])), Some(DepositStatus::PayCanceled));
    for story in [vec![], vec![request()], vec![request(), pay()], vec![request(), pay(), Command::Keep]] {
        let mut told = Story::default();
        story.iter().for_each(|command| drop(told.send(command.clone())));
        assert_eq!(told.send(retry()).unwrap_err().code, "refund-not-due", "{story:?}");
    }
}

#[test]
fn what_never_stood_is_shown_for_as_long_as_somebody_has_to_see_to_its_money() {
    let mut withdrawn = vec![request(), pay(), Command::Withdraw];
    let mut check = |more: Command, status| {
        withdrawn.push(more);
        assert_eq!(end_of(&withdrawn).0, status, "{withdrawn:?}");
    };
    check(fail(), Some(DepositStatus::PayCancelFailed));
    check(Command::Retry, Some(DepositStatus::PayCancelRequested));
    check(Command::GivenBack, None);
}

#[test]
fn a_reservation_that_ends_says_what_becomes_of_its_deposit() {
    let told = |event: &ReservationEvent| {
        let commands: Vec<_> = EndWithReservation::react(event, at(9)).into_iter().collect();
        commands
            .iter()
            .map(|one| format!("{} {} {:?}", one.aggregate, one.key, one.command.downcast_ref::<Command>().unwrap()))
            .collect::<Vec<_>>()
    };
    let (restaurant_no, day) = (asked().restaurant_no, asked().day);
    let canceled = |refund| ReservationEvent::Canceled {
        id: ID,
        restaurant_no: "10".parse().unwrap(),
        day,
        status: ReservationStatus::Canceled,
        refund,
    };
    assert_eq!(told(&canceled(true)), [r#"deposit 7 GiveBack { reason: "the reservation was cancelled" }"#]);
    assert_eq!(told(&canceled(false)), ["deposit 7 Keep"]);
    let (status, id) = (ReservationStatus::NoShow, ID);
    assert_eq!(told(&ReservationEvent::NoShow { id, restaurant_no: restaurant_no.clone(), day, status }), ["deposit 7 Keep"]);
    let status = ReservationStatus::Reserved;
    assert_eq!(told(&ReservationEvent::Reserved { id, restaurant_no, day, status }), Vec::<String>::new());
}

fn any_command() -> impl Strategy<Value = Command> {
    let fixed = [request(), pend(), pay(), Command::Decline, give_back(), Command::GivenBack, fail(), Command::Retry, Command::Keep];
    prop::sample::select(fixed.to_vec())
}

/// What must be so at any time, whatever was told.
fn assert_sound(story: &Story) {
    let count = |wanted: fn(&Event) -> bool| story.events.iter().filter(|event| wanted(event)).count();
    let (back, kept) = (count(|event| *event == Event::GivenBack), count(|event| *event == Event::Kept));
    assert!(back + kept <= 1, "given back at most once, and never both: {:?}", story.events);
    assert!(count(|event| *event == Event::RefundDue) <= 1, "a refund is begun once: {:?}", story.events);
    let deposit = &story.deposit;
    if kept > 0 {
        assert!(
            deposit.payment.is_some() && deposit.unwanted.is_none() && !deposit.is_due_back,
            "what is kept was paid, and is given back to nobody: {:?}",
            story.events
        );
    }
    let has_money = deposit.payment.is_some() && deposit.end != Some(End::GivenBack);
    let shows_money = deposit.status().is_some_and(|status| {
        use DepositStatus::{PayCancelFailed, PayCancelRequested, PayCompleted, PayKept};
        [PayCancelFailed, PayCancelRequested, PayCompleted, PayKept].contains(&status)
    });
    assert_eq!(shows_money, has_money && deposit.asked.is_some(), "money is shown where it is: {:?}", story.events);
    let is_owed = has_money && deposit.asked.is_some() && deposit.unwanted.is_some() && deposit.end.is_none();
    assert_eq!(deposit.due_back().is_some(), is_owed, "{:?}", story.events);
    assert!(!is_owed || deposit.is_due_back, "whatever is owed was announced: {:?}", story.events);
}

/// What a story comes to in the end, whatever of it came first.
fn end_of(commands: &[Command]) -> (Option<DepositStatus>, Option<DueBack>) {
    let mut story = Story::default();
    for command in commands {
        let _ = story.send(command.clone());
    }
    (story.deposit.status(), story.deposit.due_back())
}

proptest! {
    #[test]
    fn in_any_order_and_however_often_the_money_is_in_one_place(commands in prop::collection::vec(any_command(), 0..24)) {
        let mut story = Story::default();
        for command in commands {
            let _ = story.send(command.clone());
            assert_sound(&story);
            let again = story.clone();
            let _ = story.send(command);
            assert_eq!((&story.deposit, story.events.len()), (&again.deposit, again.events.len()), "told again, it is no news");
        }
        let mut folded = Deposit::default();
        story.events.iter().for_each(|event| folded.evolve(event, at(1)));
        prop_assert_eq!(&folded, &story.deposit);
    }

    #[test]
    fn once_paid_and_given_up_all_is_given_back_in_whatever_order_it_was_heard(
        commands in Just(vec![request(), pend(), pay(), give_back()]).prop_shuffle(),
    ) {
        // Only a request that comes after the end, and before any money, is turned away; then nobody is asked for money.
        let place = |wanted: fn(&Command) -> bool| commands.iter().position(wanted);
        let requested = place(|one| matches!(one, Command::Request(_)));
        let turned_away = place(|one| matches!(one, Command::GiveBack { .. })) < requested && requested < place(|one| matches!(one, Command::Pay(_)));
        let (status, due) = end_of(&commands);
        if turned_away {
            prop_assert_eq!((status, due), (None, None));
        } else {
            prop_assert_eq!(status, Some(DepositStatus::PayCancelRequested));
            prop_assert_eq!(due.map(|due| (due.payment, due.amount)), Some((paid().payment, asked().amount)));
        }
    }
}

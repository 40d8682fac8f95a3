//! Where our book and the provider's differ.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use jiff::Timestamp;
use kernel::{Currency, Money};
use payments::TransactionKind::{Payment, Refund};
use payments::{Booked, Status, Sums, Transaction, TransactionKind, reconcile};

const SINCE: i64 = 1_764_000_000;

fn won(minor: i64) -> Money {
    Money { minor, currency: Currency::Krw }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(SINCE + seconds).unwrap()
}

fn ours(payment: &str, paid: i64, refunded: i64) -> Booked {
    Booked {
        order: format!("order-{payment}"),
        payment: payment.into(),
        paid: won(paid),
        refunded: won(refunded),
        at: at(0),
        is_owed: false,
    }
}

fn theirs(payment: &str, kind: TransactionKind, minor: i64) -> Transaction {
    Transaction { order: format!("order-{payment}"), payment: payment.into(), kind, amount: won(minor), at: at(1), status: Status::Done }
}

fn check(ours: &[Booked], theirs: &[Transaction], says: &[&str]) {
    let found: Vec<String> = reconcile(ours.to_vec(), theirs, at(0)).iter().map(ToString::to_string).collect();
    assert_eq!(found, says);
}

#[test]
fn books_that_agree_have_nothing_to_say() {
    check(&[], &[], &[]);
    check(&[ours("a", 100, 0)], &[theirs("a", Payment, 100)], &[]);
    check(&[ours("a", 100, 70)], &[theirs("a", Payment, 100), theirs("a", Refund, 30), theirs("a", Refund, 40)], &[]);
}

#[test]
fn each_difference_is_a_sentence() {
    check(&[], &[theirs("a", Payment, 100)], &["Payment a of order order-a is not in our book; the provider keeps 100 KRW of it."]);
    check(&[ours("a", 100, 30)], &[], &["Payment a of order order-a is unknown to the provider; our book keeps 70 KRW of it."]);
    check(
        &[ours("a", 100, 0)],
        &[theirs("a", Payment, 120)],
        &["Payment a of order order-a was paid with 100 KRW as our book has it, and with 120 KRW as the provider has it."],
    );
    check(
        &[ours("a", 100, 0)],
        &[Transaction { order: "order-b".into(), ..theirs("a", Payment, 100) }],
        &["Payment a of order order-a was paid for the order order-b as the provider has it."],
    );
    check(
        &[ours("a", 100, 0)],
        &[theirs("a", Payment, 100), theirs("a", Refund, 100)],
        &["Payment a of order order-a was refunded by the provider with 100 KRW, of which our book knows 0 KRW."],
    );
    check(
        &[ours("a", 100, 100)],
        &[theirs("a", Payment, 100), theirs("a", Refund, 40)],
        &["Payment a of order order-a was refunded with 100 KRW as our book has it, of which the provider has given back 40 KRW."],
    );
}

#[test]
fn what_the_provider_refuses_to_give_back_is_owed_until_it_has() {
    let owed = Booked { is_owed: true, ..ours("a", 100, 0) };
    let says = "Payment a of order order-a is owed to the guest; the provider has not given back 100 KRW.";
    check(std::slice::from_ref(&owed), &[theirs("a", Payment, 100)], &[says]);
    let says = "Payment a of order order-a was refunded by the provider with 100 KRW, of which our book knows 0 KRW.";
    check(&[owed], &[theirs("a", Payment, 100), theirs("a", Refund, 100)], &[says]);
}

#[test]
fn a_difference_has_both_sides_and_since_when() {
    let late = Transaction { at: at(7), ..theirs("a", Refund, 40) };
    let found = reconcile([ours("a", 100, 0), ours("b", 5, 1)], &[theirs("a", Payment, 100), late, theirs("c", Payment, 9)], at(0));
    let sums = |paid, refunded| Some(Sums { paid: won(paid), refunded: won(refunded) });
    let told: Vec<_> = found.iter().map(|one| (one.payment.as_str(), one.ours, one.theirs, one.since)).collect();
    assert_eq!(told, [("a", sums(100, 0), sums(100, 40), at(7)), ("b", sums(5, 1), None, at(0)), ("c", None, sums(9, 0), at(1))]);
}

#[test]
fn what_was_paid_twice_under_one_name_is_another_amount() {
    let twice = [theirs("a", Payment, 100), theirs("a", Payment, 100)];
    assert_eq!(reconcile([ours("a", 100, 0)], &twice, at(0)).len(), 1);
}

#[test]
fn what_was_paid_and_wholly_given_back_need_not_be_in_our_book() {
    check(&[], &[theirs("a", Payment, 100), theirs("a", Refund, 100)], &[]);
    check(
        &[],
        &[theirs("a", Payment, 100), theirs("a", Refund, 60)],
        &["Payment a of order order-a is not in our book; the provider keeps 40 KRW of it."],
    );
}

#[test]
fn what_did_not_happen_is_not_compared() {
    let failed = Transaction { status: Status::Failed, ..theirs("a", Payment, 100) };
    let pending = Transaction { status: Status::Pending, ..theirs("b", Payment, 100) };
    check(&[], &[failed, pending], &[]);
}

#[test]
fn what_was_paid_before_is_not_compared() {
    let early = |refunded| Booked { at: at(-1), ..ours("a", 100, refunded) };
    check(&[early(0)], &[], &[]);
    check(&[early(0)], &[theirs("a", Refund, 100)], &[]);
    check(&[], &[theirs("a", Refund, 100)], &[]);
}

#[test]
fn differences_come_in_the_order_of_payments() {
    let found = reconcile([ours("a", 1, 0), ours("c", 1, 0)], &[theirs("b", Payment, 1), theirs("d", Payment, 1)], at(0));
    let payments: Vec<_> = found.iter().map(|found| found.payment.as_str()).collect();
    assert_eq!(payments, ["a", "b", "c", "d"]);
}

//! Places of which there are only so many: whoever asks first never gives away more than there are.

#![allow(clippy::expect_used)]

use proptest::prelude::*;
use yeyak_booking::{Seats, TooFew};

/// Those who ask are `u8`s, and hold their places on no terms.
type Plain = Seats<u8, ()>;

#[derive(Clone, Debug)]
enum Ask {
    Hold(u8, u32),
    Release(u8),
    /// There are so many from now on, if as many are not held already.
    Resize(Option<u32>),
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = prop_oneof![
        5 => (0_u8..12, 1_u32..7).prop_map(|(id, places)| Ask::Hold(id, places)),
        3 => (0_u8..12).prop_map(Ask::Release),
        1 => prop::option::weighted(0.9, 0_u32..20).prop_map(Ask::Resize),
    ];
    prop::collection::vec(ask, 0..80)
}

/// Lets everyone ask in their order, and `admit` decide. Tells each answer, and the most that was held beyond what there was.
fn play(asks: &[Ask], admit: fn(&Plain, u32, Option<u32>) -> bool) -> (Plain, Option<u32>, u32) {
    let (mut seats, mut of, mut over) = (Plain::default(), Some(8), 0);
    for ask in asks {
        match *ask {
            Ask::Hold(id, places) if seats.get(id).is_none() && admit(&seats, places, of) => seats.hold(id, places, ()),
            Ask::Hold(..) => {}
            Ask::Release(id) => drop(seats.release(id)),
            Ask::Resize(to) if to.is_none_or(|to| seats.taken() <= to) => of = to,
            Ask::Resize(_) => {}
        }
        let held: u32 = seats.iter().map(|holder| holder.places).sum();
        assert_eq!(held, seats.taken(), "what is counted is what is held");
        over = over.max(of.map_or(0, |of| held.saturating_sub(of)));
    }
    (seats, of, over)
}

proptest! {
    #[test]
    fn no_more_is_held_than_there_is(asks in asks()) {
        let (seats, of, over) = play(&asks, |seats, places, of| seats.admit(places, of).is_ok());
        prop_assert_eq!(over, 0);
        prop_assert_eq!(seats.left(of), of.map(|of| of - seats.taken()));
        prop_assert_eq!(seats.is_empty(), seats.taken() == 0);
        let json = serde_json::to_string(&seats).expect("json");
        prop_assert_eq!(serde_json::from_str::<Plain>(&json).expect("its json"), seats);
    }
}

/// The control: whoever does not ask gives away too much, and that is seen.
#[test]
fn who_does_not_ask_gives_away_too_much() {
    let (_, _, over) = play(&[Ask::Hold(1, 5), Ask::Hold(2, 5)], |_, _, _| true);
    assert_eq!(over, 2);
}

#[test]
fn what_is_left_is_told() {
    let mut seats = Plain::default();
    seats.hold(1, 3, ());
    assert_eq!(seats.admit(5, Some(8)), Ok(()));
    assert_eq!(seats.admit(6, Some(8)), Err(TooFew { left: 5 }));
    assert_eq!(seats.admit(1, Some(2)), Err(TooFew { left: 0 }), "more can be held than there are, once there are fewer");
    assert_eq!((seats.left(Some(8)), seats.left(None)), (Some(5), None));
}

#[test]
fn without_a_limit_what_can_be_counted_is_one() {
    let mut seats = Plain::default();
    seats.hold(1, u32::MAX - 3, ());
    assert_eq!(seats.admit(3, None), Ok(()));
    assert_eq!(seats.admit(4, None), Err(TooFew { left: 3 }));
}

#[test]
fn what_is_held_again_takes_the_place_of_what_was() {
    let mut seats = Plain::default();
    seats.hold(1, 3, ());
    seats.hold(1, 4, ());
    assert_eq!((seats.taken(), seats.iter().len()), (4, 1));
    assert_eq!(seats.release(1).map(|holder| holder.places), Some(4));
    assert_eq!((seats.release(1), seats.taken()), (None, 0));
}

//! What restaurants say to people, in Korean.

/// Pairs of an English sentence and the Korean one.
pub(crate) const SENTENCES: &[(&str, &str)] = &[
    ("a restaurantNo has 1 to 20 characters", "restaurantNo는 1~20자입니다"),
    ("a customerId has 1 to 64 characters", "customerId는 1~64자입니다"),
    ("there is no such restaurant", "없는 식당입니다"),
    ("a restaurant of that number takes reservations already", "이 번호의 식당이 이미 예약을 받고 있습니다"),
    ("the restaurant was changed meanwhile", "그사이 식당 정보가 바뀌었습니다"),
    ("the restaurant has reservations that would have no place", "예약한 손님의 자리가 없어지므로 바꿀 수 없습니다"),
    ("the restaurant has no such sitting", "이 식당에 없는 식사 시간입니다"),
    ("the restaurant is closed on that day", "그날은 식당이 쉽니다"),
    ("the sitting has begun already", "이미 시작된 식사 시간입니다"),
    ("the sitting has not begun yet", "아직 시작되지 않은 식사 시간입니다"),
    ("no sitting of that day is left", "그날 남은 식사 시간이 없습니다"),
    ("not enough seats are left", "남은 좌석이 부족합니다"),
    ("the restaurant does not have so many seats", "이 식당에는 그만큼 많은 좌석이 없습니다"),
    ("there is no such reservation", "없는 예약입니다"),
    ("only the guest who reserved may do this", "예약한 손님만 할 수 있습니다"),
    ("the deposit is not paid yet", "예약금이 아직 결제되지 않았습니다"),
    ("nothing of this deposit is to be given back", "이 예약금은 돌려줄 것이 없습니다"),
    ("the reservation is over", "이미 끝난 예약입니다"),
    (
        "must be sittings such as 11:30-13:00,17:30-19:30, in order and apart",
        "11:30-13:00,17:30-19:30처럼 순서대로, 서로 겹치지 않는 식사 시간이어야 합니다",
    ),
    ("must be in a currency that the payment provider takes", "결제 대행사가 받는 통화여야 합니다"),
    ("must be above zero, and at most 1000000000 in minor units", "0보다 크고, 최소 단위로 1000000000 이하여야 합니다"),
    ("days of the week are 1, Monday, to 7, Sunday", "요일은 월요일 1부터 일요일 7까지입니다"),
    ("there are at most 366 closed dates", "쉬는 날은 366일까지입니다"),
    ("ratings open once it is `reserved` or once one has `dined`", "평가는 `reserved`(예약되면) 또는 `dined`(식사 후)부터 할 수 있습니다"),
    ("the reservation cannot be rated yet", "아직 평가할 수 없는 예약입니다"),
    ("there is no such recommendation", "없는 추천입니다"),
];

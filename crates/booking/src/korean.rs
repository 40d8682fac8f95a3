/// What the errors of this crate say, in Korean: pairs of an English sentence, with `{}` for what changes, and the Korean one, with `{0}`
/// for the first of these.
pub const KOREAN: &[(&str, &str)] = &[
    (
        "`{}` is no opening rule: write same-day, slot-start or days-ahead:14",
        "`{0}`은(는) 예약 시작 규칙이 아닙니다. same-day, slot-start, days-ahead:14처럼 써 주세요",
    ),
    ("the slot is over", "이미 끝난 시간대입니다"),
    ("the slot can be taken from {} on", "이 시간대는 {0}부터 예약할 수 있습니다"),
    ("only {} places are left", "{0}자리만 남아 있습니다"),
    ("a day has at least one slot, such as 08:00-09:50", "하루에는 08:00-09:50과 같은 시간대가 하나 이상 있어야 합니다"),
    ("a day has at most {} slots", "하루의 시간대는 {0}개를 넘을 수 없습니다"),
    (
        "`{}` is no slot: write its start and end, such as 08:00-09:50",
        "`{0}`은(는) 시간대가 아닙니다. 08:00-09:50처럼 시작과 끝을 써 주세요",
    ),
    ("a slot ends after it begins, unlike {}", "시간대는 시작한 뒤에 끝나야 합니다: {0}"),
    ("the slots {} and {} overlap", "시간대 {0}와(과) {1}이(가) 겹칩니다"),
    (
        "`{}` is no time zone: write an IANA name, such as Asia/Seoul",
        "`{0}`은(는) 시간대 이름이 아닙니다. Asia/Seoul과 같은 IANA 이름을 써 주세요",
    ),
    (
        "`{}` is no time of a day: write hours and minutes, such as 08:00, up to 24:00",
        "`{0}`은(는) 시각이 아닙니다. 08:00처럼 시와 분을 24:00까지 써 주세요",
    ),
];

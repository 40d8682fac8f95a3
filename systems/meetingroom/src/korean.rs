//! What meeting rooms say to people, in Korean.

/// Pairs of an English sentence and the Korean one.
pub(crate) const SENTENCES: &[(&str, &str)] = &[
    ("there is no such room", "없는 회의실입니다"),
    ("the room has a calendar already", "이미 예약을 받고 있는 회의실입니다"),
    ("the room has no such slot", "이 회의실에 없는 시간대입니다"),
    ("no slot of that day is left", "그날 남은 시간대가 없습니다"),
    ("the slot cannot be reserved yet", "아직 예약할 수 없는 시간대입니다"),
    ("the slot is taken", "이미 예약된 시간대입니다"),
    ("the room is under maintenance at that time", "그 시간에는 회의실이 점검 중입니다"),
    ("only the one who reserved may do this", "예약한 사람만 할 수 있습니다"),
    ("only the one who reserved may end the meeting", "예약한 사람만 회의를 끝낼 수 있습니다"),
    ("the meeting has started already", "이미 시작된 회의입니다"),
    ("the reservation is over", "이미 끝난 예약입니다"),
    (
        "no meeting can be started on that reservation: it is over, or of another room",
        "이 예약으로는 회의를 시작할 수 없습니다. 이미 끝났거나 다른 회의실의 예약입니다",
    ),
    ("the meeting cannot be started yet", "아직 회의를 시작할 수 없습니다"),
    ("the room is still someone else's", "아직 다른 사람이 쓰고 있는 회의실입니다"),
    ("`until` must be later than `from`, and than now", "`until`은 `from`과 지금보다 나중이어야 합니다"),
    ("must be later than `from`, and than now", "`from`과 지금보다 나중이어야 합니다"),
    ("the room is reserved at that time", "그 시간에는 회의실이 예약되어 있습니다"),
    ("there is no such meeting", "없는 회의입니다"),
    ("there is no such maintenance", "없는 점검입니다"),
    ("a userId has 1 to 64 characters", "userId는 1~64자입니다"),
    (
        "must be slots such as 08:00-09:50,10:00-11:50, in order and apart",
        "08:00-09:50,10:00-11:50처럼 순서대로, 서로 겹치지 않는 시간대여야 합니다",
    ),
];

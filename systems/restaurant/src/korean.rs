//! What restaurants say to people, in Korean.

/// Pairs of an English sentence and the Korean one.
pub(crate) const SENTENCES: &[(&str, &str)] = &[
    ("a restaurantNo has 1 to 20 characters", "restaurantNo는 1~20자입니다"),
    ("a customerId has 1 to 64 characters", "customerId는 1~64자입니다"),
];

use std::fs;

use tempfile::TempDir;

use super::{Payments, file, wrong};
use crate::config::payments::Toss;

#[test]
fn who_takes_the_money_is_told_with_all_that_it_takes() {
    let needs = |what: &str| format!("y.toml:2: restaurant.payments.provider: toss needs restaurant.payments.{what}");
    let all = [
        needs("client-key, by which guests' browsers know us at Toss Payments"),
        needs("secret-key-file, the path of a file with the secret key"),
        needs("checkout, the address under which guests reach /restaurant/checkout"),
    ];
    assert_eq!(file("[restaurant.payments]\nprovider = 'toss'").unwrap_err(), all);
    let rest = "client-key = 'live_ck_1'\nsecret-key-file = 'k'\ncheckout = 'https://t.example/pay'";
    let toss = Toss {
        base: "https://api.tosspayments.com".into(),
        client_key: "live_ck_1".into(),
        secret_key_file: "k".into(),
        checkout: "https://t.example/pay".into(),
    };
    let told = file(&format!("[restaurant.payments]\nprovider = 'toss'\n{rest}")).unwrap();
    assert_eq!(told.restaurant.payments, Payments::Toss(toss));
    let told = file(&format!("[restaurant.payments]\nprovider = 'test'\n{rest}")).unwrap();
    assert_eq!(told.restaurant.payments, Payments::Test);
    wrong(
        &format!("[restaurant.payments]\n{rest}"),
        &[
            "y.toml:3: restaurant.payments.secret-key-file: counts with restaurant.payments.provider=toss alone, which nobody says: write that too",
        ],
    );
}

#[test]
fn a_secret_key_is_in_a_file_and_never_shown() {
    const SECRET: &str = "test_sk_s3cret";
    for key in ["client-key", "secret-key-file", "secret-key", "provider.secret-key"] {
        let problems = file(&format!("[restaurant.payments]\n{key} = '{SECRET}'")).unwrap_err().concat();
        assert!(!problems.contains(SECRET) && problems.contains("restaurant.payments."), "{problems}");
    }
    for base in ["http://toss.example", "https://user:test_sk_s3cret@toss.example", "ftp://toss.example", "toss"] {
        let problems = file(&format!("restaurant.payments.base = '{base}'")).unwrap_err().concat();
        assert!(!problems.contains(SECRET), "{problems}");
    }
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("toss.key");
    let trouble = || {
        let text = format!(
            "[restaurant.payments]\nprovider = 'toss'\nclient-key = 'test_ck_1'\nsecret-key-file = {path:?}\ncheckout = 'https://t.example/pay'"
        );
        file(&text).unwrap().trouble_with_files()
    };
    assert!(trouble().is_some_and(|why| why.contains("toss.key: cannot be read")), "{:?}", trouble());
    fs::write(&path, format!("{SECRET}!\n")).unwrap();
    assert!(trouble().is_some_and(|why| why.contains("letters, digits, - and _") && !why.contains(SECRET)), "{:?}", trouble());
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    assert_eq!(trouble(), None);
}

use proptest::prelude::*;

use super::*;
use crate::vector::{Script, cases};

fn code(random: &[u8; SYMBOLS]) -> RecoveryCode {
    RecoveryCode::generate(&mut Script::new(&[random]))
}

fn parsed(symbols: &[u8]) -> Result<RecoveryCode, RecoveryCodeError> {
    RecoveryCode::parse(core::str::from_utf8(symbols).unwrap())
}

#[test]
fn vectors() {
    for case in cases(include_str!("../../tests/vectors/recovery-code.txt")) {
        match RecoveryCode::parse(case.text("typed")) {
            Ok(code) => {
                assert!(case.succeeds());
                assert_eq!(code.to_groups().as_str(), case.text("groups"));
                assert_eq!(code.secret().reveal(), case.text("secret"));
            }
            Err(error) => assert!(!case.succeeds(), "{}: {error}", case.text("typed")),
        }
    }
}

#[test]
fn every_wrong_symbol_is_found() {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    for _ in 0..20 {
        let text = RecoveryCode::generate(&mut rng).text("");
        for position in 0..SYMBOLS {
            for symbol in ALPHABET {
                let mut wrong = text.as_bytes().to_vec();
                if wrong[position] == *symbol {
                    continue;
                }
                wrong[position] = *symbol;
                assert_eq!(parsed(&wrong).unwrap_err(), RecoveryCodeError::Checksum);
            }
        }
    }
}

#[test]
fn every_exchange_of_two_symbols_is_found() {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    for _ in 0..20 {
        let text = RecoveryCode::generate(&mut rng).text("");
        for (first, second) in
            (0..SYMBOLS).flat_map(|first| (0..first).map(move |second| (first, second)))
        {
            let mut wrong = text.as_bytes().to_vec();
            wrong.swap(first, second);
            if wrong != text.as_bytes() {
                assert_eq!(parsed(&wrong).unwrap_err(), RecoveryCodeError::Checksum);
            }
        }
    }
}

#[test]
fn all_130_bits_are_random() {
    let [zeros, ones] = [code(&[0; SYMBOLS]), code(&[0xff; SYMBOLS])];
    assert_eq!(zeros.0[..26], [0; 26]);
    assert_eq!(ones.0[..26], [31; 26]);
}

#[test]
fn errors_say_what_to_look_for() {
    let text = code(&[5; SYMBOLS]).to_groups();
    let error = |text: &str| RecoveryCode::parse(text).unwrap_err();
    assert_eq!(
        error(&text[..text.len() - 1]),
        RecoveryCodeError::Length { found: 27 }
    );
    assert_eq!(
        error(&format!("{}0", *text)),
        RecoveryCodeError::Length { found: 29 }
    );
    assert_eq!(error(""), RecoveryCodeError::Length { found: 0 });
    assert_eq!(
        error(&text.replacen('5', "U", 1)),
        RecoveryCodeError::Character { position: 1 }
    );
    assert_eq!(
        error("5555-5é"),
        RecoveryCodeError::Character { position: 6 }
    );
    assert_eq!(error(&"5".repeat(257)), RecoveryCodeError::TooLong);
    // Up to there it counts how many characters there are.
    assert_ne!(error(&"5".repeat(256)), RecoveryCodeError::TooLong);
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(random: [u8; SYMBOLS]) {
        let code = code(&random);
        let read = RecoveryCode::parse(&code.to_groups()).unwrap();
        prop_assert_eq!(&*read.0, &*code.0);
        prop_assert_eq!(code.to_groups().len(), 34);
        prop_assert_eq!(code.secret().reveal().len(), SYMBOLS);
    }

    #[test]
    fn any_text_is_read_or_refused(text: String) {
        if let Ok(code) = RecoveryCode::parse(&text) {
            prop_assert_eq!(remainder(code.0.as_slice()), REMAINDER);
        }
    }

    #[test]
    fn any_28_symbols_are_read_only_with_the_right_remainder(symbols in "[0-9A-HJKMNP-TV-Z]{28}") {
        let values: Vec<u8> = symbols.chars().map(|symbol| value(symbol).unwrap()).collect();
        prop_assert_eq!(RecoveryCode::parse(&symbols).is_ok(), remainder(&values) == REMAINDER);
    }
}

//! Generated passphrases of six words: docs/spec/login.md §3.2.

use diceware_wordlists::EFF_LONG_WORDLIST;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Words of a generated passphrase.
pub const PASSPHRASE_WORDS: usize = 6;
/// Words on the list: five throws of a die. Six words of it have 77.5 bits.
const LIST_LEN: u16 = 7776;
const _: () = assert!(
    EFF_LONG_WORDLIST.len() == LIST_LEN as usize,
    "the whole EFF list, and nothing else"
);

/// Six words drawn from EFF's long list, each of the 7,776^6 passphrases equally likely.
pub fn generate_passphrase(rng: &mut impl CryptoRng) -> Secret {
    let mut text = Zeroizing::new(String::with_capacity(64));
    for position in 0..PASSPHRASE_WORDS {
        if position > 0 {
            text.push(' ');
        }
        text.push_str(word(rng));
    }
    Secret::normal(text)
}

/// One word. Numbers that would favour the front of the list are thrown away (5 % of the draws).
fn word(rng: &mut impl CryptoRng) -> &'static str {
    const FAIR: u16 = u16::MAX - u16::MAX % LIST_LEN;
    loop {
        let mut bytes = Zeroizing::new([0; 2]);
        rng.fill_bytes(bytes.as_mut_slice());
        let number = u16::from_le_bytes(*bytes);
        if number < FAIR
            && let Some(word) = EFF_LONG_WORDLIST.get(usize::from(number % LIST_LEN))
        {
            return word;
        }
    }
}

/// The normal form of six groups of ASCII letters and hyphens: lower case, one space between. `None` for all else.
/// The rule looks at the shape and not at the list, so that a client needs no list to log in.
pub(crate) fn normalise(text: &str) -> Option<Zeroizing<String>> {
    let groups = || text.split(' ').filter(|group| !group.is_empty());
    let letters = |group: &str| {
        group
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
    };
    if groups().count() != PASSPHRASE_WORDS || !groups().all(letters) {
        return None;
    }
    let mut normal = Zeroizing::new(String::with_capacity(text.len()));
    for group in groups() {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.extend(group.chars().map(|c| c.to_ascii_lowercase()));
    }
    Some(normal)
}

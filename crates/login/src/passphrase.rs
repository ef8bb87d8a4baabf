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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::vector::Script;

    #[test]
    fn six_words_have_at_least_77_bits() {
        let words: BTreeSet<&str> = EFF_LONG_WORDLIST.into_iter().collect();
        assert_eq!(words.len(), usize::from(LIST_LEN), "no word twice");
        let bits = f64::from(LIST_LEN).log2() * PASSPHRASE_WORDS as f64;
        assert!(bits > 77.5, "{bits}");
    }

    #[test]
    fn every_word_survives_being_typed_again() {
        for words in EFF_LONG_WORDLIST.chunks(PASSPHRASE_WORDS) {
            let text = words.join(" ");
            assert_eq!(normalise(&text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn every_number_below_the_limit_gives_its_word_and_none_above() {
        // All 65,536 draws: 62,208 of them give each word exactly 8 times, the others are drawn again.
        let mut counts = vec![0; usize::from(LIST_LEN)];
        for number in 0..=u16::MAX {
            let mut script = Script::new(&[&number.to_le_bytes(), &[0, 0]]);
            let word = word(&mut script);
            if script.is_used_up() {
                assert_eq!((number >= 62_208, word), (true, EFF_LONG_WORDLIST[0]));
            } else {
                counts[usize::from(number % LIST_LEN)] += 1;
                assert_eq!(word, EFF_LONG_WORDLIST[usize::from(number % LIST_LEN)]);
            }
        }
        assert!(counts.iter().all(|count| *count == 8));
    }

    #[test]
    fn generated_passphrases_differ_and_are_in_their_normal_form() {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let [first, second] = [(); 2].map(|()| generate_passphrase(&mut rng));
        assert_ne!(first.reveal(), second.reveal());
        assert_eq!(first.reveal().split(' ').count(), PASSPHRASE_WORDS);
        assert_eq!(
            Secret::password(first.reveal()).unwrap().reveal(),
            first.reveal()
        );
    }
}

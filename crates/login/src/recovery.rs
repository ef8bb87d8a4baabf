//! The recovery code: 130 random bits on paper, with a checksum that finds typing errors. docs/spec/login.md §4.

use core::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Symbols of a recovery code: 26 random ones of 5 bits and 2 for the checksum.
pub const RECOVERY_CODE_SYMBOLS: usize = SYMBOLS;

const SYMBOLS: usize = 28;
const GROUP_LEN: usize = 4;
const TEXT_LEN_MAX: usize = 256;
/// Crockford's base32 symbols in the order of their values: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The largest prime that two symbols can hold. A prime, so that no single wrong symbol and no exchange of two
/// symbols leaves the remainder as it was.
const MODULUS: u32 = 1021;
/// A code read as a number in base 32 leaves this remainder; not 0, so that a row of zeros is no code.
const REMAINDER: u32 = 1;

/// Why a recovery code as typed cannot be right; found out before anything is sent.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RecoveryCodeError {
    /// A character that stands for no symbol; the position counts from 1 and leaves out spaces and dashes.
    #[error("character {position} of the recovery code is not one that a code can contain")]
    Character {
        /// Which one, counted from 1.
        position: usize,
    },
    /// Too few or too many symbols.
    #[error("a recovery code has 28 characters, this has {found}")]
    Length {
        /// How many there are.
        found: usize,
    },
    /// The text is beyond any length a code could be typed in.
    #[error("this is too long for a recovery code, which has 28 characters")]
    TooLong,
    /// The checksum is wrong.
    #[error(
        "the recovery code has a typing error: compare it with the sheet, character by character"
    )]
    Checksum,
}

/// A recovery code with a right checksum. Wiped on drop, never printed but by [`RecoveryCode::to_groups`].
pub struct RecoveryCode(Box<Zeroizing<[u8; SYMBOLS]>>);

impl RecoveryCode {
    /// A fresh code of 130 random bits.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut symbols = Box::new(Zeroizing::new([0; SYMBOLS]));
        rng.fill_bytes(symbols.as_mut_slice());
        for symbol in symbols.iter_mut() {
            *symbol &= 31;
        }
        let [.., high, low] = &mut **symbols;
        (*high, *low) = (0, 0);
        let check = (MODULUS + REMAINDER - remainder(symbols.as_slice())) % MODULUS;
        let [.., high, low] = &mut **symbols;
        // check < 1021 < 32 * 32
        (*high, *low) = ((check >> 5) as u8, (check & 31) as u8);
        Self(symbols)
    }

    /// Reads a code as people type it: either case, spaces and dashes anywhere or nowhere, O for 0, I and L for 1.
    pub fn parse(text: &str) -> Result<Self, RecoveryCodeError> {
        if text.len() > TEXT_LEN_MAX {
            return Err(RecoveryCodeError::TooLong);
        }
        let mut symbols = Box::new(Zeroizing::new([0; SYMBOLS]));
        let mut found = 0;
        for typed in text.chars().filter(|c| !is_separator(*c)) {
            let value = value(typed).ok_or(RecoveryCodeError::Character {
                position: found + 1,
            })?;
            if let Some(symbol) = symbols.get_mut(found) {
                *symbol = value;
            }
            found += 1;
        }
        if found != SYMBOLS {
            return Err(RecoveryCodeError::Length { found });
        }
        if remainder(symbols.as_slice()) != REMAINDER {
            return Err(RecoveryCodeError::Checksum);
        }
        Ok(Self(symbols))
    }

    /// The code for the sheet: seven groups of four with dashes between, 34 characters.
    pub fn to_groups(&self) -> Zeroizing<String> {
        self.text("-")
    }

    /// What enters OPAQUE: the 28 symbols in upper case without separators.
    pub fn secret(&self) -> Secret {
        Secret::normal(self.text(""))
    }

    fn text(&self, separator: &str) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * SYMBOLS));
        for (position, symbol) in self.0.iter().enumerate() {
            if position > 0 && position % GROUP_LEN == 0 {
                text.push_str(separator);
            }
            text.extend(ALPHABET.get(usize::from(*symbol)).copied().map(char::from));
        }
        text
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

/// The symbols as a number in base 32, first symbol highest, modulo 1021.
fn remainder(symbols: &[u8]) -> u32 {
    symbols.iter().fold(0, |number, symbol| {
        (number * 32 + u32::from(*symbol)) % MODULUS
    })
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || c == '-' || ('\u{2010}'..='\u{2015}').contains(&c)
}

/// The value of a symbol as typed, 0 to 31.
fn value(typed: char) -> Option<u8> {
    let symbol = match u8::try_from(typed).ok()?.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    ALPHABET
        .iter()
        .position(|known| *known == symbol)
        .and_then(|position| u8::try_from(position).ok())
}

#[cfg(test)]
mod tests;

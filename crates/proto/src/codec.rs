//! Strict CBOR (docs/spec/ledger.md §1).
//!
//! One value has one encoding: arrays in fixed order, no maps, definite lengths, shortest
//! integers, depth at most [`DEPTH_MAX`]. `minicbor` accepts more than that, so [`check`]
//! passes over the bytes before it sees them; typed reading then only has to check shapes.

use bytes::Bytes;
use minicbor::{Decoder, Encoder};

/// Deepest nesting of arrays in one value.
pub const DEPTH_MAX: usize = 8;
/// Longest list (an array of equal elements) that is read.
pub const LIST_MAX: u64 = 4_096;

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A value ends before its announced length, or a length exceeds what is left.
    #[error("the encoding ends early")]
    Short,
    /// Bytes follow the value.
    #[error("bytes follow the end of the value")]
    Trailing,
    /// A construct that strict CBOR leaves out: map, tag, float, negative or indefinite item.
    #[error("the encoding uses a construct that is not allowed")]
    Forbidden,
    /// An integer or length is not in its shortest form.
    #[error("an integer is not in its shortest form")]
    NotShortest,
    /// Arrays are nested deeper than [`DEPTH_MAX`].
    #[error("the value is nested too deeply")]
    Depth,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
    /// The value has another type, length or tag than this place wants.
    #[error("the value has another shape: {0}")]
    Shape(&'static str),
}

/// What can be written and read as strict CBOR.
pub trait Wire: Sized {
    /// Appends the one encoding of this value.
    fn write(&self, out: &mut Writer);
    /// Reads a value; the bytes have already passed [`check`].
    ///
    /// # Errors
    /// [`CodecError::Shape`] when another value stands here.
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError>;
}

/// Encodes a value.
#[must_use]
pub fn encode<T: Wire>(value: &T) -> Bytes {
    Bytes::from(encode_into(value, Vec::new()))
}

/// Appends the encoding of a value to a buffer. Whoever encodes secrets passes one with room for
/// all, so that it does not move and leave copies behind, and wipes it.
#[must_use]
pub fn encode_into<T: Wire>(value: &T, buffer: Vec<u8>) -> Vec<u8> {
    let mut out = Writer(Encoder::new(buffer));
    value.write(&mut out);
    out.0.into_writer()
}

/// Checks and decodes exactly one value. Byte strings in it share the memory of `bytes`.
///
/// # Errors
/// Any [`CodecError`].
pub fn decode<T: Wire>(bytes: &Bytes) -> Result<T, CodecError> {
    check(bytes)?;
    let mut reader = Reader {
        source: bytes,
        cbor: Decoder::new(bytes),
    };
    let value = T::read(&mut reader)?;
    if reader.cbor.position() == bytes.len() {
        Ok(value)
    } else {
        Err(CodecError::Trailing)
    }
}

/// Writes values; errors cannot happen since it writes to memory.
pub struct Writer(Encoder<Vec<u8>>);

impl Writer {
    /// An array of exactly `len` elements follows.
    pub fn array(&mut self, len: u64) {
        let _ = self.0.array(len);
    }
    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) {
        let _ = self.0.u64(value);
    }
    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        let _ = self.0.bytes(value);
    }
    /// A text.
    pub fn text(&mut self, value: &str) {
        let _ = self.0.str(value);
    }
    /// True or false.
    pub fn flag(&mut self, value: bool) {
        let _ = self.0.bool(value);
    }
    /// Nothing.
    pub fn null(&mut self) {
        let _ = self.0.null();
    }
}

/// Reads values from checked bytes.
pub struct Reader<'a> {
    source: &'a Bytes,
    cbor: Decoder<'a>,
}

// Inlined: otherwise it depends on how a crate is cut into units how fast its own and others' messages are read.
impl Reader<'_> {
    /// An array of exactly `len` elements.
    ///
    /// # Errors
    /// Another shape stands here.
    #[inline]
    pub fn array(&mut self, len: u64, what: &'static str) -> Result<(), CodecError> {
        if self.list(what)? == len {
            Ok(())
        } else {
            Err(CodecError::Shape(what))
        }
    }
    /// The length of an array, at most [`LIST_MAX`].
    ///
    /// # Errors
    /// Another shape stands here.
    #[inline]
    pub fn list(&mut self, what: &'static str) -> Result<u64, CodecError> {
        match self.cbor.array() {
            Ok(Some(len)) if len <= LIST_MAX => Ok(len),
            _ => Err(CodecError::Shape(what)),
        }
    }
    /// An unsigned integer.
    ///
    /// # Errors
    /// Another shape stands here.
    #[inline]
    pub fn uint(&mut self, what: &'static str) -> Result<u64, CodecError> {
        self.cbor.u64().map_err(|_| CodecError::Shape(what))
    }
    /// A byte string, sharing the source's memory.
    ///
    /// # Errors
    /// Another shape stands here.
    #[inline]
    pub fn bytes(&mut self, what: &'static str) -> Result<Bytes, CodecError> {
        let slice = self.cbor.bytes().map_err(|_| CodecError::Shape(what))?;
        Ok(self.source.slice_ref(slice))
    }
    /// A text.
    ///
    /// # Errors
    /// Another shape stands here.
    pub fn text(&mut self, what: &'static str) -> Result<String, CodecError> {
        self.cbor
            .str()
            .map(str::to_owned)
            .map_err(|_| CodecError::Shape(what))
    }
    /// True or false.
    ///
    /// # Errors
    /// Another shape stands here.
    pub fn flag(&mut self, what: &'static str) -> Result<bool, CodecError> {
        self.cbor.bool().map_err(|_| CodecError::Shape(what))
    }
    /// Consumes a null if one stands here.
    #[inline]
    pub fn null(&mut self) -> bool {
        let here = self.cbor.position();
        if self.source.get(here) == Some(&0xf6) {
            self.cbor.set_position(here + 1);
            true
        } else {
            false
        }
    }
    /// Whether an array stands here (a choice with fields) rather than a bare value.
    #[must_use]
    pub fn at_array(&self) -> bool {
        self.source
            .get(self.cbor.position())
            .is_some_and(|byte| byte >> 5 == 4)
    }
}

/// Passes over the bytes of exactly one value and refuses all that is not strict.
///
/// # Errors
/// Any [`CodecError`] but [`CodecError::Shape`].
pub fn check(bytes: &[u8]) -> Result<(), CodecError> {
    // For each open array, how many elements are still to come.
    let mut open = [0_u64; DEPTH_MAX];
    let mut depth = 0_usize;
    let mut rest = bytes;
    loop {
        let (&first, after) = rest.split_first().ok_or(CodecError::Short)?;
        rest = after;
        let mut opened = 0;
        match first >> 5 {
            0 => {
                argument(first, &mut rest)?;
            }
            major @ (2 | 3) => {
                let len =
                    usize::try_from(argument(first, &mut rest)?).map_err(|_| CodecError::Short)?;
                let (body, after) = rest.split_at_checked(len).ok_or(CodecError::Short)?;
                if major == 3 && std::str::from_utf8(body).is_err() {
                    return Err(CodecError::Utf8);
                }
                rest = after;
            }
            4 => opened = argument(first, &mut rest)?,
            7 if matches!(first, 0xf4..=0xf6) => {}
            _ => return Err(CodecError::Forbidden),
        }
        if opened > 0 {
            // Each element takes at least one byte.
            if opened > rest.len() as u64 {
                return Err(CodecError::Short);
            }
            *open.get_mut(depth).ok_or(CodecError::Depth)? = opened;
            depth += 1;
            continue;
        }
        // A value is complete: close every array that it completes.
        loop {
            let Some(level) = depth.checked_sub(1) else {
                return if rest.is_empty() {
                    Ok(())
                } else {
                    Err(CodecError::Trailing)
                };
            };
            let left = open.get_mut(level).ok_or(CodecError::Depth)?;
            *left -= 1;
            if *left > 0 {
                break;
            }
            depth = level;
        }
    }
}

/// The argument of an item's first byte, in shortest form.
#[inline]
fn argument(first: u8, rest: &mut &[u8]) -> Result<u64, CodecError> {
    let (width, least) = match first & 0x1f {
        small @ 0..=23 => return Ok(u64::from(small)),
        24 => (1, 24),
        25 => (2, 1 << 8),
        26 => (4, 1 << 16),
        27 => (8, 1 << 32),
        _ => return Err(CodecError::Forbidden),
    };
    let (digits, after) = rest.split_at_checked(width).ok_or(CodecError::Short)?;
    *rest = after;
    let value = digits
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if value < least {
        Err(CodecError::NotShortest)
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests;

//! Three macros that give a type its one encoding: `record!` for structs (an array of the
//! fields in order) and `choice!` for enums (an array of a number and the fields), and `numbered!` for closed sets of numbers.

use crate::codec::{CodecError, Reader, Wire, Writer};
use bytes::Bytes;

#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$fmeta:meta])* $fvis:vis $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$fmeta])* $fvis $field: $ty),* }
        impl $crate::codec::Wire for $name {
            fn write(&self, out: &mut $crate::codec::Writer) {
                out.array(const { <[&str]>::len(&[$(stringify!($field)),*]) as u64 });
                $(self.$field.write(out);)*
            }
            fn read(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::CodecError> {
                from.array(const { <[&str]>::len(&[$(stringify!($field)),*]) as u64 }, stringify!($name))?;
                Ok(Self { $($field: $crate::codec::Wire::read(from)?),* })
            }
        }
    };
}

#[macro_export]
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$vmeta:meta])* $number:literal => $variant:ident { $($(#[$fmeta:meta])* $field:ident: $ty:ty),* $(,)? }),* $(,)?
    }) => {
        $(#[$meta])*
        pub enum $name { $($(#[$vmeta])* $variant { $($(#[$fmeta])* $field: $ty),* }),* }
        impl $crate::codec::Wire for $name {
            fn write(&self, out: &mut $crate::codec::Writer) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        out.array(const { 1 + <[&str]>::len(&[$(stringify!($field)),*]) as u64 });
                        out.uint($number);
                        $($field.write(out);)*
                    })*
                }
            }
            fn read(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::CodecError> {
                let len = from.list(stringify!($name))?;
                let number = from.uint(stringify!($name))?;
                match number {
                    $($number => {
                        if len != const { 1 + <[&str]>::len(&[$(stringify!($field)),*]) as u64 } {
                            return Err($crate::codec::CodecError::Shape(stringify!($variant)));
                        }
                        Ok(Self::$variant { $($field: $crate::codec::Wire::read(from)?),* })
                    })*
                    _ => Err($crate::codec::CodecError::Shape(stringify!($name))),
                }
            }
        }
    };
}

/// A number that stands for one of a closed set.
#[macro_export]
macro_rules! numbered {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $number:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant = $number),* }
        impl $name {
            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u64 { self as u64 }
        }
        impl $crate::codec::Wire for $name {
            fn write(&self, out: &mut $crate::codec::Writer) { out.uint(self.number()); }
            fn read(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::CodecError> {
                match from.uint(stringify!($name))? {
                    $($number => Ok(Self::$variant),)*
                    _ => Err($crate::codec::CodecError::Shape(stringify!($name))),
                }
            }
        }
    };
}

impl Wire for u64 {
    fn write(&self, out: &mut Writer) {
        out.uint(*self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.uint("integer")
    }
}

macro_rules! narrow {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            fn write(&self, out: &mut Writer) { out.uint(u64::from(*self)); }
            fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
                Self::try_from(from.uint("integer")?).map_err(|_| CodecError::Shape("integer too large"))
            }
        }
    )*};
}
narrow!(u8, u16, u32);

impl Wire for bool {
    fn write(&self, out: &mut Writer) {
        out.flag(*self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.flag("flag")
    }
}

impl Wire for String {
    fn write(&self, out: &mut Writer) {
        out.text(self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.text("text")
    }
}

impl Wire for Bytes {
    fn write(&self, out: &mut Writer) {
        out.bytes(self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.bytes("bytes")
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn write(&self, out: &mut Writer) {
        out.bytes(self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let bytes = from.bytes("bytes")?;
        Self::try_from(&bytes[..]).map_err(|_| CodecError::Shape("bytes of another length"))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, out: &mut Writer) {
        match self {
            Some(value) => value.write(out),
            None => out.null(),
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        if from.null() {
            Ok(None)
        } else {
            T::read(from).map(Some)
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, out: &mut Writer) {
        out.array(self.len() as u64);
        for element in self {
            element.write(out);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let len = from.list("list")?;
        // The length is bounded by LIST_MAX and, through the strict pass, by the bytes at hand.
        (0..len).map(|_| T::read(from)).collect()
    }
}

//! What a key is for: the labels of `docs/spec/cipher.md` §4.
//!
//! Each purpose is a type without values. It stands in the type of the key, so that a key of one purpose cannot be
//! passed where another is due, and its label goes into the key expansion, so that even equal bytes under two
//! purposes give unrelated keys.

/// What a key is for. The list is closed: only the types of [this module](self) are purposes.
pub trait Purpose: listed::Listed {
    /// The purpose's short name, as shown by `Debug` of a key.
    const NAME: &'static str;

    /// The `info` of the key expansion: `subrosa/1 `, the name, one zero byte.
    const LABEL: &'static [u8];
}

mod listed {
    pub trait Listed: 'static {}
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $purpose:ident = $name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $purpose {}

        impl listed::Listed for $purpose {}

        impl Purpose for $purpose {
            const NAME: &'static str = $name;
            const LABEL: &'static [u8] = concat!("subrosa/1 ", $name, "\0").as_bytes();
        }
    )*

        #[cfg(test)]
        const ALL: &[(&str, &[u8])] = &[$((<$purpose as Purpose>::NAME, <$purpose as Purpose>::LABEL)),*];
    };
}

purposes! {
    /// One record of a channel, in one direction.
    Record = "record";
    /// The vault of an account.
    Vault = "vault";
    /// The vault's key, sealed to a slot.
    Slot = "slot";
    /// The first secret of a session, sealed to a recipient.
    Share = "share";
    /// The body of a message event.
    Message = "msg";
    /// A receipt register, or a sign of typing.
    Receipt = "receipt";
    /// The note on an invite that says who invites.
    InviteNote = "invite-note";
    /// One chunk of a file.
    Blob = "blob";
    /// What waits on a device's disk to be sent.
    Outbox = "outbox";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn labels_are_distinct_and_have_the_common_form() {
        for (i, (name, label)) in ALL.iter().enumerate() {
            assert_eq!(*label, [b"subrosa/1 ", name.as_bytes(), b"\0"].concat());
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{name}"
            );
            assert!(
                ALL[..i].iter().all(|(other, _)| other != name),
                "{name} is there twice"
            );
        }
    }
}

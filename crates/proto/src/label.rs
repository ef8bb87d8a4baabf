//! Labels that keep every hash, MAC, signature and key derivation apart
//! (docs/spec/ledger.md §1.3). Each ends in a zero byte, so none is a prefix of another.

macro_rules! labels {
    ($($(#[$meta:meta])* $name:ident = $text:literal),* $(,)?) => {
        $($(#[$meta])* pub const $name: &[u8] = concat!("subrosa/1 ", $text, "\0").as_bytes();)*
        #[cfg(test)]
        const ALL: &[&[u8]] = &[$($name),*];
    };
}

labels! {
    /// Account id from the identity key.
    ACCOUNT = "account",
    /// Signature of an account chain's statement.
    STATEMENT = "statement",
    /// Hash of a signed statement.
    STATEMENT_HASH = "statement-hash",
    /// Signature of an owner under a bot's warrant.
    WARRANT = "warrant",
    /// Signature of a prekey.
    PREKEY = "prekey",
    /// Signature of a device's login.
    DEVICE_AUTH = "device-auth",
    /// Hash of a bundle.
    BUNDLE = "bundle",
    /// Signature of an event.
    EVENT = "event",
    /// Hash of an event.
    EVENT_HASH = "event-hash",
    /// Step of the log hash.
    LOG = "log",
    /// Session commitment.
    SESSION = "session",
    /// Signature of a receipt register.
    REGISTER = "register",
    /// Step of a sender chain.
    NEXT = "next",
    /// Message key from a sender chain.
    MK = "mk",
    /// Key of a receipt register.
    RECEIPT = "receipt",
    /// Signature and key of a sign of typing.
    TYPING = "typing",
    /// HPKE info of a box that carries a session key.
    SHARE = "share",
    /// HPKE info of a vault slot.
    SLOT = "slot",
    /// Signature of an export's manifest.
    EXPORT = "export",
    /// Digits that two people compare.
    SAFETY_NUMBER = "safety-number",
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_label_is_a_prefix_of_another() {
        for (i, a) in super::ALL.iter().enumerate() {
            for (j, b) in super::ALL.iter().enumerate() {
                assert!(i == j || !a.starts_with(b));
            }
        }
    }
}

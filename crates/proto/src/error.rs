//! Why the server refused a request (docs/spec/ledger.md §9).

numbered! {
    /// Codes on the wire. What a person reads is made from them by the faces.
    pub enum ErrorCode {
        /// The request breaks a rule of the protocol.
        Malformed = 1,
        /// The connection is not in a state for this request.
        OutOfTurn = 2,
        /// Name, password, code or device are not accepted. Never says which.
        NotAuthenticated = 3,
        /// The invite does not exist, was used or has expired.
        InviteInvalid = 4,
        /// The account name is taken.
        NameTaken = 5,
        /// There is nothing here that this account may see.
        NotFound = 6,
        /// The account lacks the right.
        NotPermitted = 7,
        /// Something else was written in between.
        Conflict = 8,
        /// Too much at once; try again after the given time.
        RateLimited = 9,
        /// Over a size or count limit.
        TooLarge = 10,
        /// The server cannot write: its disk is full.
        StorageFull = 11,
        /// The server failed; the request may be repeated.
        Internal = 12,
        /// The device was revoked or has logged out.
        Revoked = 13,
        /// The server is going down.
        Closing = 14,
    }
}

record! {
    /// A refusal.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Refusal {
        /// Why.
        pub code: ErrorCode,
        /// When to try again, milliseconds from now; 0 when that makes no difference.
        pub retry_ms: u64,
    }
}

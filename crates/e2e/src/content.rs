//! What is inside a message (`docs/spec/e2e.md` §2): kinds, their encoding, and whose word counts about what.

use crate::agreement::{
    ContactTrust, ReadMark, SETTING_KEY_BYTES_MAX, SETTING_VALUE_BYTES_MAX, Setting,
};
use bytes::Bytes;
use core::fmt;
use rand_core::CryptoRng;
use subrosa_proto::{
    AccountId, CodecError, ContentId, ConvId, Reader, Wire, Writer, decode, encode, limits, record,
};

/// Longest reaction, in bytes: one emoji with its modifiers.
pub const REACTION_BYTES_MAX: usize = 64;
/// Longest label of a device, in bytes.
pub const DEVICE_LABEL_BYTES_MAX: usize = 64;
/// Longest name of a room, in bytes.
pub const ROOM_NAME_BYTES_MAX: usize = 64;
/// Longest topic of a room, in bytes.
pub const ROOM_TOPIC_BYTES_MAX: usize = 1_024;
/// Longest file name and media type, in bytes.
pub const FILE_NAME_BYTES_MAX: usize = 255;

record! {
    /// A piece of content, named by who wrote it and the id that they gave it. Another account may use the same id for
    /// something else, so the id alone names nothing.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct ContentRef {
        /// The author.
        pub account: AccountId,
        /// The author's id of it.
        pub id: ContentId,
    }
}

record! {
    /// A text.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Text {
        /// UTF-8, at most [`limits::TEXT_BYTES_MAX`] bytes.
        pub text: String,
    }
}

record! {
    /// A text that answers something.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reply {
        /// What it answers.
        pub to: ContentRef,
        /// As in [`Text`].
        pub text: String,
    }
}

record! {
    /// Replaces the text of something the same account wrote.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Edit {
        /// Which of the author's own.
        pub of: ContentId,
        /// The new text, as in [`Text`].
        pub text: String,
    }
}

record! {
    /// Takes back something the same account wrote.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Delete {
        /// Which of the author's own.
        pub of: ContentId,
    }
}

record! {
    /// An emoji beside something. An account has one reaction to each content: the newest.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reaction {
        /// What it is about.
        pub to: ContentRef,
        /// At most [`REACTION_BYTES_MAX`] bytes; empty takes the reaction back.
        pub emoji: String,
    }
}

record! {
    /// A file that lies sealed at the server.
    #[derive(Clone, PartialEq, Eq)]
    pub struct File {
        /// The file's key.
        pub key: [u8; 32],
        /// SHA-256 of its sealed list of segments.
        pub list: [u8; 32],
        /// Length of the file, bytes.
        pub size: u64,
        /// Its name, without folders, at most [`FILE_NAME_BYTES_MAX`] bytes.
        pub name: String,
        /// Its media type as the author sees it, at most [`FILE_NAME_BYTES_MAX`] bytes.
        pub media_type: String,
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

record! {
    /// What a room is called and what it is about. Counts from its admins only.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RoomTitle {
        /// At most [`ROOM_NAME_BYTES_MAX`] bytes, not empty.
        pub name: String,
        /// At most [`ROOM_TOPIC_BYTES_MAX`] bytes; empty where there is none.
        pub topic: String,
    }
}

record! {
    /// In one's own conversation: an invite that this account has left at the server.
    #[derive(Clone, PartialEq, Eq)]
    pub struct InviteIssued {
        /// The secret of the invite line.
        pub secret: [u8; 16],
        /// When it was made, Unix milliseconds.
        pub created_ms: u64,
        /// The room into which whoever comes by it is added.
        pub room: Option<ConvId>,
    }
}

impl fmt::Debug for InviteIssued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InviteIssued")
            .field("created_ms", &self.created_ms)
            .finish_non_exhaustive()
    }
}

record! {
    /// In one's own conversation: what the device that says it has to tell the others.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DeviceNote {
        /// One of [`DeviceNote::LABEL`], [`DeviceNote::PASSWORD`], [`DeviceNote::BOTH`]; others are of a newer version.
        pub what: u64,
        /// The label, at most [`DEVICE_LABEL_BYTES_MAX`] bytes; empty with the others.
        pub text: String,
    }
}

impl DeviceNote {
    /// It calls itself this from now on.
    pub const LABEL: u64 = 0;
    /// The password was changed from it.
    pub const PASSWORD: u64 = 1;
    /// The password and the recovery code were changed from it.
    pub const BOTH: u64 = 2;
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $number:literal = $kind:ident),* $(,)?) => {
        /// What a content says, by kind.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body {
            $($(#[$meta])* $kind($kind),)*
            /// A kind of a newer version: kept, and shown as that.
            Unknown {
                /// Its number.
                kind: u64,
                /// Its fields, as received.
                fields: Bytes,
            },
        }

        /// Another number in each build that knows other kinds: what was stored as [`Body::Unknown`] is to be read again when
        /// it has changed.
        pub const CONTENT_VERSION: u64 = {
            let mut mixed = 0_u64;
            $(mixed = mixed.wrapping_mul(257).wrapping_add($number);)*
            mixed
        };

        impl Body {
            /// The number of its kind.
            #[must_use]
            pub fn number(&self) -> u64 {
                self.number_and_fields().0
            }

            fn number_and_fields(&self) -> (u64, Bytes) {
                match self {
                    $(Self::$kind(fields) => ($number, encode(fields)),)*
                    Self::Unknown { kind, fields } => (*kind, fields.clone()),
                }
            }

            fn from_parts(kind: u64, fields: Bytes) -> Result<Self, CodecError> {
                match kind {
                    $($number => decode(&fields).map(Self::$kind),)*
                    _ => Ok(Self::Unknown { kind, fields }),
                }
            }
        }

        $(impl From<$kind> for Body {
            fn from(fields: $kind) -> Self { Self::$kind(fields) }
        })*
    };
}

kinds! {
    /// A text.
    1 = Text,
    /// A text that answers something.
    2 = Reply,
    /// A new text for something.
    3 = Edit,
    /// Something is taken back.
    4 = Delete,
    /// An emoji beside something.
    5 = Reaction,
    /// A file.
    6 = File,
    /// What a room is called.
    7 = RoomTitle,
    /// An invite of this account, in its own conversation only.
    32 = InviteIssued,
    /// How far the person has read, likewise.
    33 = ReadMark,
    /// Safety numbers compared, likewise.
    34 = ContactTrust,
    /// A setting of the account, likewise.
    35 = Setting,
    /// A word of a device of this account about itself, in its own conversation only.
    36 = DeviceNote,
}

/// One piece of content as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Given by the author, random; the same when the content has to be sent in another event. Shown once per account.
    pub id: ContentId,
    /// When the author wrote it, by the author's clock, Unix milliseconds.
    pub author_ms: u64,
    /// What it says.
    pub body: Body,
}

/// Why a content is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It is not an encoding of a content.
    #[error("the content is malformed: {0}")]
    Codec(#[from] CodecError),
    /// A part is longer than allowed.
    #[error("the {part} is {bytes} bytes long, {max} are allowed")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
}

impl Content {
    /// A new piece of content under a fresh id.
    pub fn new(body: impl Into<Body>, author_ms: u64, rng: &mut impl CryptoRng) -> Self {
        let mut id = ContentId([0; 16]);
        rng.fill_bytes(&mut id.0);
        Self {
            id,
            author_ms,
            body: body.into(),
        }
    }

    /// The text, where this kind has one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Text(Text { text })
            | Body::Reply(Reply { text, .. })
            | Body::Edit(Edit { text, .. }) => Some(text),
            _ => None,
        }
    }

    /// What this content, written by `author`, is about. An edit or deletion names its target by the id alone and so can only
    /// mean the author's own: there is no way to write one that counts for another account's content.
    #[must_use]
    pub fn target(&self, author: AccountId) -> Option<ContentRef> {
        match &self.body {
            Body::Edit(Edit { of, .. }) | Body::Delete(Delete { of }) => Some(ContentRef {
                account: author,
                id: *of,
            }),
            Body::Reply(Reply { to, .. }) | Body::Reaction(Reaction { to, .. }) => Some(*to),
            _ => None,
        }
    }

    /// Whether this content changes what is shown of its [`target`](Self::target) rather than standing by itself.
    #[must_use]
    pub const fn amends(&self) -> bool {
        matches!(
            self.body,
            Body::Edit(_) | Body::Delete(_) | Body::Reaction(_)
        )
    }

    /// Whether it stands in the timeline by itself: what amends another content does not, nor what only one's own devices
    /// tell each other.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        let among_devices = matches!(
            self.body,
            Body::InviteIssued(_) | Body::ReadMark(_) | Body::ContactTrust(_) | Body::Setting(_)
        );
        !self.amends() && !among_devices
    }

    /// The encoding, as it is sealed and stored.
    ///
    /// # Errors
    /// [`ContentError::TooLong`].
    pub fn encode(&self) -> Result<Bytes, ContentError> {
        self.check_lengths()?;
        Ok(encode(self))
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// [`ContentError`]. A kind that this version does not know is no error: [`Body::Unknown`].
    pub fn decode(bytes: &Bytes) -> Result<Self, ContentError> {
        let content: Self = decode(bytes)?;
        content.check_lengths()?;
        Ok(content)
    }

    fn check_lengths(&self) -> Result<(), ContentError> {
        let within = |part, bytes, max| match bytes <= max {
            true => Ok(()),
            false => Err(ContentError::TooLong { part, bytes, max }),
        };
        if let Some(text) = self.text() {
            within("text", text.len(), limits::TEXT_BYTES_MAX)?;
        }
        match &self.body {
            Body::Reaction(reaction) => {
                within("reaction", reaction.emoji.len(), REACTION_BYTES_MAX)
            }
            Body::File(file) => {
                within("file name", file.name.len(), FILE_NAME_BYTES_MAX)?;
                within("media type", file.media_type.len(), FILE_NAME_BYTES_MAX)
            }
            Body::Setting(setting) => {
                within("key", setting.key.len(), SETTING_KEY_BYTES_MAX)?;
                within("value", setting.value.len(), SETTING_VALUE_BYTES_MAX)
            }
            Body::DeviceNote(note) => within("label", note.text.len(), DEVICE_LABEL_BYTES_MAX),
            Body::RoomTitle(title) => {
                within("room's name", title.name.len(), ROOM_NAME_BYTES_MAX)?;
                within("room's topic", title.topic.len(), ROOM_TOPIC_BYTES_MAX)
            }
            Body::Unknown { fields, .. } => {
                within("content", fields.len(), limits::EVENT_BYTES_MAX)
            }
            _ => Ok(()),
        }
    }
}

/// `[id, author's time, kind, fields]`, the fields being bytes that hold an encoding of their own.
impl Wire for Content {
    fn write(&self, out: &mut Writer) {
        let (kind, fields) = self.body.number_and_fields();
        out.array(4);
        self.id.write(out);
        out.uint(self.author_ms);
        out.uint(kind);
        out.bytes(&fields);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.array(4, "Content")?;
        Ok(Self {
            id: ContentId::read(from)?,
            author_ms: from.uint("author's time")?,
            body: Body::from_parts(from.uint("kind")?, from.bytes("fields")?)?,
        })
    }
}

#[cfg(test)]
mod tests;
